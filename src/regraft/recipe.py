"""All that training needs, as plain data: a second ``train`` with the same recipe repeats the run."""

import json
import math
import re
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints

from regraft.errors import RecipeError

STRATEGIES = ("head", "early-layers", "fine-tune", "from-scratch")
FROZEN_STRATEGIES = ("head", "early-layers")
INITIALISERS = (
    "xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "trunc_normal_", "orthogonal_",
)  # fmt: skip
OPTIMISERS = ("sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam", "adamw")
EMBEDDED, DEMONSTRATION = "embedded", "demonstration"
METRICS = (
    "val_accuracy", "val_balanced_accuracy", "val_macro_f1", "val_loss", "train_accuracy", "train_loss",
)  # fmt: skip
CHOICES: dict[str, tuple[Any, ...]] = {
    "strategy": (None, *STRATEGIES),
    "initialiser": INITIALISERS,
    "class_weights": ("none", "auto", "inverse-frequency", "effective-number"),
    "head_layers": (1, 2),
    "optimiser": OPTIMISERS,
    "schedule": ("cosine", "constant", "one-cycle"),
    "batch_norm": ("auto", "frozen", "adapt"),
    "augmentation": ("none", "light", "medium", "strong"),
    "flip": ("yes", "no"),
    "head_start": ("solved", "random"),
    "pooling": ("average", "max", "both"),
    "mix": ("auto", "none", "mixup", "cutmix", "both"),
    "monitor": METRICS,
    "mode": ("auto", "max", "min"),
}
RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(
        (
            "batch_size",
            "hidden",
            "large_from",
            "epochs",
            "patience",
            "time_limit",
            "max_pixels",
        ),
        (1, math.inf),
    ),
    **dict.fromkeys(("workers", "weight_decay", "clip"), (0, math.inf)),
    **dict.fromkeys(("seed", "split_seed"), (0, 2**32 - 2)),
    **dict.fromkeys(("min_improvement", "checkpoint_minutes"), (0, math.inf)),
    **dict.fromkeys(("similar_from", "layer_decay", "warm_up", "label_smoothing"), (0, 1)),
    "views": (0, 100),
    "ema": (0, 0.99999),
    "image_size": (16, math.inf),
    "learning_rate": (1e-12, math.inf),
}


@dataclass(frozen=True)
class Recipe:
    """The settings of one run; None means that the plan or the network decides."""

    backbone: str = EMBEDDED  # embedded, demonstration, any timm name, torchvision/NAME, or a finished run's folder
    weights: str | None = None  # a .safetensors or .pth state dict on this machine
    strategy: str | None = None  # one of STRATEGIES; None: the plan's
    cut: str | None = None  # where the network is sliced; None: the plan's
    cuts: tuple[str, ...] = ()  # several cuts whose features a head takes joined
    pooling: str = "average"  # over space before the head: average, max or both
    image_size: int | None = None  # pixels a side; None: the backbone's own
    batch_size: int | None = None  # images in one batch; None: 64 in the frozen pass, 32 in training
    workers: int = 0  # threads that decode; 0: one per processor
    device: str = "auto"  # auto, cpu, cuda, cuda:1, ...
    head_layers: int = 1  # linear layers in the new head, one or two
    hidden: int = 256  # units between two linear layers
    initialiser: str = "xavier_uniform_"  # of the head's weights, a name in torch.nn.init
    weight_decay: float | None = (
        None  # of a frozen strategy's head (None: chosen by validation), else of all layers (0.05)
    )
    views: int = 0  # augmented views of each training image that a frozen strategy's head is trained on too
    class_weights: str = "none"  # none; auto or inverse-frequency: classes weigh the same; effective-number
    image_column: str = "image"  # of a manifest: the file's path
    label_column: str = "label"  # of a manifest, or the field of a shard's JSON
    split_column: str = "split"  # of a manifest
    group_by: str | None = None  # a manifest's column, or a regular expression on paths: what stays in one split
    max_pixels: int = 178_956_970  # of one image; larger ones are left out
    large_from: int = 20_000  # training images from which the data counts as large
    similar_from: float = 0.5  # similarity score from which the data counts as similar
    epochs: int | None = None  # of training the whole network; None: by the number of images
    optimiser: str = "adamw"  # a name in torch.optim, in small letters
    learning_rate: float | None = None  # of the head and the last layers, at its peak; None: the optimiser's own
    layer_decay: float = 0.9  # a stage's learning rate as a share of the next one's
    schedule: str = "cosine"  # of the learning rate after warm-up: cosine, constant or one-cycle
    warm_up: float = 0.1  # share of the steps
    label_smoothing: float = 0.1  # 0..1
    mix: str = "auto"  # of two training images and their labels: none, mixup, cutmix, both, or auto (by their number)
    ema: float = 0.0  # decay a step of the averaged weights that are judged and kept; 0: no average
    clip: float = 0.0  # largest norm of the gradient; 0: no limit
    batch_norm: str = "auto"  # running statistics: frozen, adapt, or auto (adapt to large data, or from a random start)
    unfreeze_from: str | None = None  # fine-tune only what lies after this cut; None: everything
    augmentation: str = "medium"  # none, light, medium or strong
    flip: str = "yes"  # yes, or no where a mirror image has another label
    head_start: str = "solved"  # the head that fine-tuning starts from: solved on the features, or random
    patience: int | None = None  # epochs in which neither metric nor loss improves; None: half of all, 3 or more
    min_improvement: float = 0.0  # of the monitored metric, to count as one
    monitor: str = "val_accuracy"  # one of METRICS: what says which epoch is the best
    mode: str = "auto"  # whether the most or the least of it is best: max, min or auto (min for a loss)
    checkpoint_name: str = "best-epoch{epoch:03d}-{metric}{value:.4f}"  # of the best one's file
    time_limit: float | None = None  # seconds for the whole job; None: the plan's strategy alone, as long as it takes
    checkpoint_minutes: float = 5.0  # between checkpoints inside an epoch
    seed: int = 0  # of everything random but the split
    split_seed: int = 0  # of the split, and of nothing else

    def __post_init__(self) -> None:
        """Raise RecipeError for a value out of its range, and for two that contradict each other."""
        self.check_kinds()
        object.__setattr__(self, "cuts", tuple(map(str, self.cuts)))  # JSON has lists
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                listed = ", ".join(str(choice) for choice in choices if choice is not None)
                raise RecipeError(f"{flag(name)} is '{getattr(self, name)}'; choose one of {listed}")
        for name, (least, most) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                allowed = f"between {least} and {most}" if most < math.inf else f"{least} or more"
                raise RecipeError(f"{flag(name)} is {value}; it must be {allowed}")
        for wrong, message in self.contradictions():
            if wrong:
                raise RecipeError(message)
        self.check_checkpoint_name()

    def check_kinds(self) -> None:
        """Raise RecipeError for a value of another kind than its setting has."""
        for name, kinds in KINDS.items():
            value = getattr(self, name)
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                listed = " or ".join(kind.__name__ for kind in kinds if kind is not type(None))
                raise RecipeError(f"{flag(name)} is {value!r}; it must be of kind {listed}")

    def check_checkpoint_name(self) -> None:
        """Raise RecipeError for a name of the best checkpoint that makes no file name of its own."""
        try:
            name = self.checkpoint_name.format(epoch=1, metric=self.monitor, value=0.5)
        except (LookupError, ValueError, AttributeError, TypeError) as error:
            name = f"?{error}"
        if not re.fullmatch(r"[\w.=+-]+", name) or name == "last":
            raise RecipeError(
                f"--checkpoint-name '{self.checkpoint_name}' makes no file name; use letters, digits, . - _ and"
                " {epoch}, {metric}, {value}, as in best-{epoch:03d}-{metric}{value:.3f}; last.pt is the last one's"
            )

    def contradictions(self) -> list[tuple[bool, str]]:
        """Pairs of settings that do not go together: whether it is so, and what to say of it."""
        whole = self.strategy in {"fine-tune", "from-scratch"}
        return [
            (
                self.cut is not None and bool(self.cuts),
                "a recipe has one cut or several cuts to join, not both; leave one of them out",
            ),
            (
                len(self.cuts) == 1 or len(set(self.cuts)) < len(self.cuts),
                f"cuts are {', '.join(self.cuts)}; name two or more different ones to join",
            ),
            (
                bool(self.cuts) and self.strategy not in {None, "head"},
                f"joined cuts go with --strategy head, not with '{self.strategy}'; name one --cut",
            ),
            (
                self.views > 0 and whole,
                f"--views goes with a frozen strategy; '{self.strategy}' sees new views in every epoch",
            ),
            (
                self.cut is not None and whole,
                f"--cut goes with a frozen strategy, not with '{self.strategy}'; leave one of them out",
            ),
            (
                self.batch_size == 1 and self.batch_norm == "adapt",
                "--batch-norm adapt needs two images in a batch or more; raise --batch-size",
            ),
            (
                self.unfreeze_from is not None and self.strategy != "fine-tune",
                "--unfreeze-from goes with --strategy fine-tune; add that or leave it out",
            ),
        ]

    def but(self, **changes: Any) -> "Recipe":
        """The same recipe with some settings changed."""
        return replace(self, **changes)

    def write(self, path: Path) -> None:
        """Write the recipe as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")


def kinds_of(hint: Any) -> tuple[type, ...]:
    """The classes that a setting of this annotation may be of; a whole number does where any number does."""
    named = {"tuple[str, ...]": (tuple, list)}
    kinds = tuple(get_args(hint)) if isinstance(hint, UnionType) else named.get(str(hint), (hint,))
    return (*kinds, int) if float in kinds else kinds


KINDS = {name: kinds_of(hint) for name, hint in get_type_hints(Recipe).items()}


def read_recipe(path: Path) -> Recipe:
    """Read a recipe that ``Recipe.write`` wrote; raise RecipeError where it is no recipe."""
    try:
        values = json.loads(path.read_text())
    except FileNotFoundError:
        raise RecipeError(f"there is no recipe {path}; a run folder holds one as recipe.json") from None
    except (ValueError, OSError) as error:
        raise RecipeError(f"{path} is no recipe: {error}; give the recipe.json of a run") from None
    known = {field.name for field in fields(Recipe)}
    if not isinstance(values, dict) or set(values) - known:
        unknown = sorted(set(values) - known) if isinstance(values, dict) else [type(values).__name__]
        raise RecipeError(f"{path} holds what no recipe has: {', '.join(unknown)}; give the recipe.json of a run")
    try:
        return Recipe(**values)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None


def flag(name: str) -> str:
    """A setting's name as the command line spells it."""
    return "--" + {"initialiser": "init"}.get(name, name).replace("_", "-")


def seconds_of(text: str) -> float:
    """A duration as people write it, 90s, 10m or 1.5h (a number alone is seconds), in seconds; else RecipeError."""
    found = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*([smh]?)", text.strip())
    if not found:
        raise RecipeError(f"--time-limit is '{text}'; write 90s, 10m or 1.5h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]
