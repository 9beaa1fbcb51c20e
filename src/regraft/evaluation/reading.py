"""Images read for a network: pixels of its size, or the fault in their place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regraft.data.decoding import Undecodable, decode_for
from regraft.data.images import LEFT_OUT, Fault
from regraft.data.range_faults import check_depth
from regraft.data.readers.paths import Named, NoImage
from regraft.data.rendering import PLAIN, Rendering
from regraft.evaluation.disturbances import Disturbance, disturbed
from regraft.evaluation.evaluate import Identify
from regraft.evaluation.prediction import Noted
from regraft.network.preprocessing import Preprocessing
from regraft.recipe import MAX_PIXELS

GREYS = (0.299, 0.587, 0.114)  # what the channels count


@dataclass(frozen=True)
class Read:
    """One image read: its pixels and the hash of what it shows, or its fault."""

    name: str
    pixels: np.ndarray | None = None  # (size, size, 3) uint8
    identity: str = ""
    fault: Fault | None = None
    noted: Noted | None = None
    variants: Sequence[np.ndarray] = ()  # the pixels under each disturbance


@dataclass(frozen=True)
class Reader:
    """How images are read."""

    preprocessing: Preprocessing
    own: Rendering | None  # how the run's files became 8-bit images
    other: Rendering | None = None  # in place of that
    max_pixels: int = MAX_PIXELS
    identify: Identify | None = None  # hashes what an image shows
    noting: bool = False  # whether sides and brightness are wanted
    disturbances: Sequence[Disturbance] = ()  # whose pixels are wanted too

    def read(self, item: Named) -> Read:
        """One image, or its fault."""
        name, content = item
        try:
            data = content.read()
            shown = self.other or self.own or PLAIN
            decoded = decode_for(data, self.preprocessing.side, self.max_pixels, shown)
            if self.own and decoded.depth:
                check_depth(decoded.depth)
            identity = self.identify(data, decoded) if self.identify else ""
            pixels = self.preprocessing.pixels(decoded.image, decoded.original)
            noted = Noted(min(decoded.original), brightness_of(pixels)) if self.noting else None
            return Read(name, pixels, identity, None, noted, disturbed(pixels, self.disturbances))
        except Undecodable as error:
            action = content.fault.action if isinstance(content, NoImage) else LEFT_OUT
            return Read(name, fault=Fault(name, error.kind, str(error), action))


def brightness_of(pixels: np.ndarray) -> float:
    """The mean grey (Rec. 601) of an image (size, size, 3)."""
    return float(pixels.reshape(-1, 3).mean(axis=0) @ GREYS)
