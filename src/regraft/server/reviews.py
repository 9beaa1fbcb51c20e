"""The reviews of runs that are under way, and their images as a browser is shown them."""

import io
import threading
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageOps

from regraft.data.content import Content
from regraft.data.corrections import LEAVE_OUT
from regraft.data.decoding import Undecodable, decode_for
from regraft.evaluation.review.decisions import Row
from regraft.evaluation.review.items import Item
from regraft.evaluation.review.review import Review, review
from regraft.server.refused import Refused
from regraft.server.served import Served

LARGE, SMALL = 1024, 320  # pixels of the longer side
QUALITY = 88  # of a JPEG


@dataclass
class Reviews:
    """One for each run, made when it is first asked for."""

    by_name: dict[str, Review] = field(default_factory=dict)
    locks: dict[str, threading.Lock] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, served: Served) -> Review:
        """The review of a run; looking for wrong labels takes seconds the first time."""
        with self.lock:
            own = self.locks.setdefault(served.name, threading.Lock())
        with own:
            made = self.by_name.get(served.name)
            if made is None or made.run.resolve() != served.folder.resolve():
                made = self.by_name[served.name] = review(served.folder, progress=False)
            return made


def item_at(made: Review, place: int) -> Item:
    """An item by its place in the server's own list."""
    if not 0 <= place < len(made.items):
        raise Refused(404, f"there is no image {place} to look at; there are {len(made.items)}")
    return made.items[place]


def shown_items(made: Review) -> list[dict[str, Any]]:
    """All items with what was decided on them."""
    rows = made.decisions.read()
    return [
        item.as_dict() | {"version": item.hash[:12], "decision": decided(rows.get(item.path))} for item in made.items
    ]


def decided(row: Row | None) -> dict[str, str] | None:
    """A decision as the page takes it."""
    if row is None:
        return None
    action = " ".join(row["action"].casefold().replace("-", " ").replace("_", " ").split())
    return {"action": action, "label": "" if action == LEAVE_OUT else row["label"] or row.get("was", "")}


def neighbours(made: Review, place: int) -> list[dict[str, Any]]:
    """Images like an item's: what they are called, and what their labels are."""
    item, images = item_at(made, place), made.features.images
    return [
        {
            "path": images.files[row].name,
            "label": images.classes[images.files[row].label],
            "same": row == item.other_row,
        }
        for row in made.nearest(place)
    ]


def picture(made: Review, row: int, side: int) -> bytes:
    """An image of the data as a JPEG, at most ``side`` pixels on its longer side; Refused where it can't be read."""
    file = made.features.files[row]
    try:
        return jpeg_of(file.content, made, side)
    except Undecodable as error:
        raise Refused(410, f"{file.name} cannot be shown: {error}") from None


def jpeg_of(content: Content, made: Review, side: int) -> bytes:
    """The bytes of the JPEG."""
    decoded = decode_for(content.read(), side, None, made.features.images.rendering)
    image = decoded.image.convert("RGB")
    if max(image.size) > side:
        image = ImageOps.contain(image, (side, side), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    image.save(written, "JPEG", quality=QUALITY)
    return written.getvalue()
