"""The training images that a run compares others with, as small pictures; by their places in the run's own list."""

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from PIL import Image

from regraft.data.content import Content
from regraft.data.decoding import Undecodable, decode_for
from regraft.data.find import find_images
from regraft.data.images import EVALUATED
from regraft.data.rendering import PLAIN
from regraft.errors import RegraftError
from regraft.recipe.recipe import read_recipe
from regraft.runs.seen import images_of
from regraft.server.refused import Refused
from regraft.server.served import Opened
from regraft.strict_json import Malformed

SIDE = 240  # pixels of a picture's longer side, at most
GONE = "the training images of this run are not where they were, so they cannot be shown"


class TrainingImages:
    """Those of one run."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.lock = threading.Lock()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """As the run keeps them."""
        kept = self.opened.ready.familiarity.kept
        return kept.about.names if kept else ()

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each is in that list."""
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def root(self) -> str | None:
        """Where they lay when the run was trained; None where that is not known."""
        folder = self.opened.classifier.folder
        assert folder, "a run that is served comes from a folder"
        try:
            return images_of(folder).root
        except (Malformed, OSError):
            return None

    def places_of(self, names: Sequence[str]) -> list[int | None]:
        """Where some are in the list; None for those that cannot be shown, since the data has gone."""
        there = self.root is not None and Path(self.root).exists()
        return [self.places.get(name) if there else None for name in names]

    @cached_property
    def contents(self) -> dict[str, Content]:
        """Where each lies; Refused where the data has gone."""
        folder, root = self.opened.classifier.folder, self.root
        if folder is None or root is None or not Path(root).exists():
            raise Refused(404, GONE)
        try:
            reading = read_recipe(folder / "recipe.json").reading
            images = find_images(root, reading, fewest_classes=EVALUATED)
        except (RegraftError, OSError):
            raise Refused(404, GONE) from None
        wanted = set(self.names)
        return {file.name: file.content for file in images.files if file.name in wanted}

    def picture(self, place: int) -> Image.Image:
        """One of them, downscaled; Refused where it is not there any more."""
        if not 0 <= place < len(self.names):
            raise Refused(404, f"there is no training image {place}; the run keeps {len(self.names):,}, from 0")
        with self.lock:
            contents = self.contents
        content = contents.get(self.names[place])
        try:
            if content is None:
                raise Refused(404, GONE)
            rendering = self.opened.classifier.rendering or PLAIN
            image = decode_for(content.read(), SIDE, None, rendering).image
        except Undecodable as error:
            raise Refused(404, f"this training image cannot be shown: {error}") from None
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        return image
