"""regraft as a scikit-learn estimator."""

import copy
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from regraft.data.images import IGNORED, LEFT_OUT, Labelled, collect
from regraft.data.readers.paths import Named, NoImage
from regraft.errors import DataError
from regraft.evaluation.classifier import Classifier
from regraft.evaluation.given import contents_of
from regraft.evaluation.prediction import probabilities_of
from regraft.planning.prepare import prepare
from regraft.progress.shown import shown
from regraft.recipe import Recipe
from regraft.runs.job import train_in_time
from regraft.training.strategy import trainer_for

MOST_SEEDS = 2**31 - 1


class ImageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of images by transfer learning, as scikit-learn has classifiers.

    ``X``: paths, Pillow images, or a uint8 array (images, height, width, 3). ``y``: one label each. All images given to
    ``fit`` train; choices are made by cross-validation among them. Nothing is written but the feature cache.

    Without a recipe, a strategy and a time limit heads on the frozen network compete and nothing is fine-tuned.

    Parameters: ``backbone``, ``weights``, ``image_size`` (pixels a side), ``strategy``, ``time_limit`` (seconds),
    ``device`` and ``random_state`` are settings of the ``recipe``, over which they win where they are not None.
    ``verbose``: 1 shows progress.

    Attributes after ``fit``: ``classes_`` (classes,), ``plan_``, ``classifier_`` (a regraft Classifier).
    """

    def __init__(
        self,
        backbone: str | None = None,
        *,
        weights: str | None = None,
        image_size: int | None = None,
        strategy: str | None = None,
        time_limit: float | None = None,
        device: str | None = None,
        recipe: Recipe | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.image_size = image_size
        self.strategy = strategy
        self.time_limit = time_limit
        self.device = device
        self.recipe = recipe
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> "ImageClassifier":  # noqa: N803 - scikit-learn's names
        """Look at the images, plan, train; DataError where X and y do not fit or an image cannot be read."""
        started = time.perf_counter()
        labels = column_or_1d(y, warn=True)
        check_classification_targets(labels)
        contents = images_of(X)
        if len(contents) != len(labels):
            raise DataError(f"there are {len(contents)} images and {len(labels)} labels; give one for each image")
        classes, ids = np.unique(labels, return_inverse=True)
        names = [f"{label:06d}" for label in ids]  # in the order of ``classes``
        items = (
            Labelled(f"{i:08d}", name, content)
            for i, (name, (_, content)) in enumerate(zip(names, contents, strict=True))
        )
        recipe = self.full_recipe()
        with shown(self.verbose > 0) as shows, tempfile.TemporaryDirectory() as folder:
            job = prepare(collect(Path("images"), items), recipe, shows, hold_out=False)
            if job.images.left_out:
                fault = next(fault for fault in job.images.faults if fault.action == LEFT_OUT)
                raise DataError(f"image {int(fault.path)} cannot be read: {fault.reason}; leave it and its label out")
            trained = train_in_time(job, trainer_for(job, Path(folder), progress=shows), started)
        network = copy.deepcopy(trained.graft.module)  # what it is made of belongs to the backbone
        names_shown, device = tuple(str(name) for name in classes), recipe.network.device
        self.classifier_ = Classifier(
            names_shown,
            job.backbone.preprocessing,
            trained.strategy,
            device=device,
            network=network,
            rendering=job.images.rendering,
        )
        self.classes_, self.plan_ = classes, job.plan
        return self

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Class probabilities (images, classes), float64; DataError where an image cannot be read."""
        check_is_fitted(self)
        most = self.full_recipe().reading.max_pixels
        return probabilities_of(self.classifier_.predict_contents(images_of(X), max_pixels=most))

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The likeliest class of each image: (images,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def full_recipe(self) -> Recipe:
        """The recipe with the parameters in it."""
        named = ("backbone", "weights", "image_size", "strategy", "time_limit", "device")
        changes = {name: getattr(self, name) for name in named if getattr(self, name) is not None}
        if isinstance(self.random_state, (int, np.integer)):
            changes["seed"] = int(self.random_state)
        elif self.random_state is not None:
            changes["seed"] = int(check_random_state(self.random_state).randint(MOST_SEEDS))
        quick = Recipe(fast=self.time_limit is None)  # fit is called many times over
        return (self.recipe or quick).but(**changes)

    def __sklearn_tags__(self) -> Any:
        """Images, and no tables of numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags


def images_of(X: Any) -> list[Named]:  # noqa: N803
    """The images given, without the files in their folders that are none: each image has a label."""
    contents = contents_of(X)
    return [
        (name, content)
        for name, content in contents
        if not (isinstance(content, NoImage) and content.fault.action == IGNORED)
    ]
