"""Where in an image a run finds what speaks for a class, with what the controls say of that map, as `look` has it."""

import base64
import io
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from regraft.errors import RegraftError
from regraft.server.refused import Refused
from regraft.server.served import Opened

if TYPE_CHECKING:
    from regraft.inspection.subject import Subject

MOST_WAITING = 4
TURN = threading.Lock()  # one map at a time: each uses all processors
AGAIN = {"Retry-After": "5"}


class HeatMaps:
    """Those of one run; the network is loaded anew by torch, when the first map is asked for."""

    def __init__(self, opened: Opened) -> None:
        self.opened, self.waiting = opened, 0

    @cached_property
    def subject(self) -> "Subject":
        """The run, to look at."""
        from regraft.inspection.subject import subject_of_run

        assert self.opened.classifier.folder, "a run that is served comes from a folder"
        return subject_of_run(self.opened.classifier.folder)

    def of(self, pixels: np.ndarray, label: int) -> dict[str, Any]:
        """The map of an image, pixels (size, size, 3) uint8, for a class: a picture and sentences."""
        if self.waiting >= MOST_WAITING:
            raise Refused(429, f"{self.waiting} heat maps are waiting already; come again in some seconds", AGAIN)
        self.waiting += 1
        try:
            with TURN:
                return self.made(pixels, label)
        except RegraftError as error:
            raise Refused(422, f"no heat map can be made: {error}") from None
        finally:
            self.waiting -= 1

    def made(self, pixels: np.ndarray, label: int) -> dict[str, Any]:
        """The same, now."""
        from regraft.inspection.attribution import GRAD_CAM, METHODS
        from regraft.inspection.chapters.attributions import laid_over, result_of, tested, title, warning_of

        own, labels = pixels[None], np.array([label])
        maps = METHODS[GRAD_CAM](self.subject, own, [label])
        test = tested(self.subject, own, labels, maps)
        failing = {GRAD_CAM: names} if (names := test.unbeaten(0)) else {}
        data = io.BytesIO()
        laid_over(pixels, maps.values[0]).save(data, "JPEG", quality=88)
        return {
            "class": self.subject.classes[label],
            "method": title(GRAD_CAM),
            "picture": "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode(),
            "says": result_of(GRAD_CAM, test, 0),
            "warning": warning_of(failing),
            "notes": list(maps.notes),
        }
