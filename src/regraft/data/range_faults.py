"""What is odd about deep images in the range of their set, and about sets of several depths."""

from collections import Counter
from collections.abc import Iterator

from regraft.data.images import KEPT, Fault
from regraft.data.rendering import TRANSPARENT, Depth, Rendering
from regraft.data.undecodable import Undecodable

FEW_LEVELS = 32  # grey levels, under which little of an image is left
EIGHT_BITS = "8-bit"


class Seen:
    """What is known of the depths of images that were looked at; most are not worth keeping."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.first: dict[str, str] = {}  # image of each kind
        self.odd: list[tuple[str, Depth]] = []  # names and depths of those that the set's range does not fit

    def add(self, name: str, depth: Depth | None) -> None:
        """One more image; ``depth``: where it has more than 8 bits."""
        kind = depth.kind if depth and depth.kind != TRANSPARENT else EIGHT_BITS
        self.kinds[kind] += 1
        self.first.setdefault(kind, name)
        if depth and (depth.levels < FEW_LEVELS or not depth.known):
            self.odd.append((name, depth))

    @property
    def unknown(self) -> set[str]:
        """The names of those that are of no measured kind."""
        return {name for name, depth in self.odd if not depth.known}


def depth_faults(seen: Seen, rendering: Rendering) -> Iterator[Fault]:
    """Of the images of a set that were looked at."""
    for name, depth in seen.odd:
        if fault := depth_fault(name, depth, rendering):
            yield fault
    yield from mixed_depths(seen, rendering)


def depth_fault(name: str, depth: Depth, rendering: Rendering) -> Fault | None:
    """Little is left of an image."""
    if depth.levels >= FEW_LEVELS:
        return None
    if depth.kind == TRANSPARENT:
        other = "black" if rendering.background == "white" else "white"
        reason = f"nothing of it shows on {rendering.background}, which lies behind it; try --background {other}"
        return Fault(name, "nothing left", reason, KEPT)
    scale = next((one for one in rendering.ranges if one.kind == depth.kind), None)
    if scale and depth.values >= FEW_LEVELS:
        own = f"its values {depth.low:,.6g} to {depth.high:,.6g}"
        reason = (
            f"{own} leave {depth.levels} of 256 grey levels in the set's range {scale.low:,.6g} to {scale.high:,.6g}"
        )
        return Fault(name, "other range", f"{reason}; scale it like the others, or set --range", KEPT)
    return Fault(name, "few grey levels", f"{depth.levels} of 256 are left of its {depth.kind} pixels", KEPT)


def check_depth(depth: Depth) -> None:
    """Raise Undecodable for an image that is deeper than a run's own were, of which the usual range leaves little."""
    if not depth.known and depth.levels < FEW_LEVELS <= depth.values:
        raise Undecodable(
            "other depth",
            f"the run has seen no {depth.kind} image, and of this one {depth.levels} grey levels are left; save it like"
            " the run's own",
        )


def mixed_depths(seen: Seen, rendering: Rendering) -> Iterator[Fault]:
    """One fault for each kind but the most frequent one, where the kinds are scaled in different ways."""
    counts = seen.kinds
    scaled = any(rendering.range_of(kind) for kind in counts)
    if len(counts) == 1 or not scaled:
        return
    usual = counts.most_common(1)[0][0]
    for kind, count in counts.items():
        if kind != usual:
            reason = (
                f"{count} of {counts.total()} images looked at are {kind}, {counts[usual]} are {usual}; save them alike"
            )
            yield Fault(seen.first[kind], "mixed depths", reason, KEPT)
