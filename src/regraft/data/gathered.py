"""Labelled images as a source lists them, packed as they come; classes have ids once all are there."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from regraft.data.content import Content
from regraft.data.image_files import Files, GrowingFiles, ImageFile
from regraft.data.texts import GrowingCoded


@dataclass(frozen=True, slots=True)
class Labelled:
    """One image as a source names it, before classes have ids."""

    name: str
    label: str
    content: Content
    split: str | None = None
    group: str | None = None


class Gathered:
    """Labelled images; instead of an id each has the number of its class's name, by first appearance."""

    def __init__(self, labelled: Iterable[Labelled] = ()) -> None:
        self.growing, self.names = GrowingFiles(), GrowingCoded[str]()
        self.extend(labelled)

    def extend(self, labelled: Iterable[Labelled]) -> None:
        """Add some images."""
        for item in labelled:
            self.names.add(item.label)
            self.growing.add(ImageFile(item.name, self.names.codes[-1], item.split, item.content, item.group))

    def __len__(self) -> int:
        return len(self.names.codes)

    @property
    def labels(self) -> Counter[str]:
        """How many images there are of each name."""
        return Counter(dict(zip(self.names.known, np.bincount(self.names.codes).tolist(), strict=True)))

    def files(self) -> Files:
        """The images."""
        return self.growing.files()
