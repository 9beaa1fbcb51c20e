"""How many groups of images there are, and how large the largest is."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class GroupSizes:
    """How many groups there are, and the largest."""

    count: int
    largest: str
    images: int  # of the largest
    of: int  # images, with those in no group

    @property
    def in_words(self) -> str:
        """Both."""
        share = f"{self.images:,} of {self.of:,} images ({self.images / self.of:.1%})"
        return f"Groups: {self.count:,}; the largest, '{self.largest}', has {share}."

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def group_sizes(groups: Sequence[str | None]) -> GroupSizes | None:
    """The sizes, by each image's group; None where no image is in one."""
    sizes = Counter(filter(None, groups))
    if not sizes:
        return None
    largest = min(sizes, key=lambda group: (-sizes[group], group))
    return GroupSizes(len(sizes), largest, sizes[largest], len(groups))
