"""What is made of a served run only where a page asks for it: heat maps and the pictures it was trained on."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from regraft.server.heat_maps import HeatMaps
from regraft.server.served import Opened
from regraft.server.training_images import TrainingImages

MOST = 3  # runs that this is kept of: each has a network in memory


@dataclass(frozen=True)
class Look:
    """Of one run."""

    opened: Opened
    heat_maps: HeatMaps
    training_images: TrainingImages


@dataclass
class Looks:
    """Of the runs that were asked for last."""

    kept: "OrderedDict[str, Look]" = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, name: str, opened: Opened) -> Look:
        """Of a run by its name; made anew where the run was replaced."""
        with self.lock:
            look = self.kept.pop(name, None)
            if look is None or look.opened is not opened:
                look = Look(opened, HeatMaps(opened), TrainingImages(opened))
            self.kept[name] = look
            while len(self.kept) > MOST:
                self.kept.popitem(last=False)
            return look
