"""The one look at every image: read, hashed, decoded and run through the frozen network once.

From what it leaves in the store come the similarity, the depth profile, the head and the baselines.
"""

import threading
import time
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL.Image import Image

from regraft.data.content import Indexed, Known, hash_of
from regraft.data.decoding import Decoded, Undecodable, check_size, decode_for
from regraft.data.identity import Look, look_of
from regraft.data.images import Fault, ImageFile, ImageSet
from regraft.data.looks import Looks
from regraft.data.pixel_range import Unmeasured
from regraft.data.prefetch import map_ahead
from regraft.data.rendering import PLAIN, Rendering
from regraft.data.texts import GrowingTexts, Hashes, Texts
from regraft.errors import DataError
from regraft.features.features import Features
from regraft.features.frozen_pass import FrozenPass, Read, Wanted, wanted_of
from regraft.features.known_files import KnownFiles
from regraft.features.rows import Row
from regraft.network.backbone import Backbone
from regraft.network.preprocessing import Preprocessing
from regraft.progress import Progress, silent
from regraft.recipe import Recipe

TAKEN_AT_ONCE = 2_000  # images
MOST_CLAIMED = 20_000  # contents, before those that are in the store are forgotten


def extract(
    images: ImageSet,
    backbone: Backbone,
    wanted: Wanted | None = None,
    recipe: Recipe = Recipe(),
    progress: Progress = silent,
    beside: Backbone | None = None,
    rows: Iterable[int] = (),
    strict: bool = False,
    known: Features | None = None,
) -> Features:
    """Pool the frozen backbone's values at every cut for every image, from the store where it has them.

    Of the images that are read, those in ``rows`` go through the network ``beside`` too, into its own store. With
    ``strict`` Unmeasured is raised where there are deep images that ``images.rendering`` does not know. What is
    ``known`` of some images at more cuts is taken from there.

    ``wanted``: what is kept of every image; None: what wanted_of says. ``recipe``: its batch size, workers, device and
    largest image are used. Files that cannot be decoded are left out and listed in the result's ``images.faults``;
    DataError where a whole class goes with them.
    """
    started = time.perf_counter()
    gone = go_through(images, backbone, wanted or wanted_of(backbone), recipe, progress, beside, rows, strict, known)
    pairs, broken = zip(images.files.names, gone.contents, strict=True), gone.broken
    faults = tuple(Fault(name, *broken[content]) for name, content in pairs if content in broken) if broken else ()
    readable = Hashes.of(content for content in gone.contents if content not in broken)
    looks = gone.frozen.store.rows.looks_of(readable)
    images = images.without(faults) if faults else images
    return features_of(gone.frozen, images, looks, started, recipe.network.workers)


@dataclass(frozen=True)
class GoneThrough:
    """What a pass leaves beside its store."""

    frozen: FrozenPass
    contents: Texts  # of every image in order: its hash, or a key of ``broken``
    broken: dict[str, tuple[str, str]]  # kind and reason


def go_through(
    images: ImageSet,
    backbone: Backbone,
    wanted: Wanted,
    recipe: Recipe,
    progress: Progress = silent,
    beside: Backbone | None = None,
    rows: Iterable[int] = (),
    strict: bool = False,
    known: Features | None = None,
) -> GoneThrough:
    """Put what the store lacks of ``images`` through the network; the rest as ``extract`` has it."""
    network, kind = recipe.network, images.rendering.key
    frozen = FrozenPass(backbone, wanted, network.device, kind)
    if known:
        take_over(frozen, known, images)
    second = FrozenPass(beside, wanted_of(beside), network.device, kind) if beside else None
    files = frozenset(images.files[row].name for row in rows)
    reader = Reader(frozen, recipe.reading.max_pixels, second, files, images.rendering, strict)
    contents, count = GrowingTexts(), len(images.files)

    def noted() -> Iterator[Read]:
        for read in frozen.through(reader.read_all(images.files, network.workers), network.batch_size):
            contents.add(read.content)
            progress("Looking at every image once", len(contents.ends), count, "images")
            if read.beside:
                yield read.beside

    for _ in second.through(noted(), note_rate=False) if second else noted():
        pass
    if reader.unmeasured:
        raise Unmeasured(reader.unmeasured)
    return GoneThrough(frozen, contents.texts(), reader.broken)


def take_over(frozen: FrozenPass, known: Features, images: ImageSet) -> None:
    """Copy what ``known`` has of ``images`` into the store of a pass that wants part of it."""
    if (known.engine, known.images.rendering.key) != (frozen.engine_name, images.rendering.key):
        return
    of_known, there = set(known.images.files.names), frozen.store.rows
    names = {name for name in images.files.names if name in of_known}
    pairs = zip(known.images.files.names, known.looks, strict=True)
    lacking = {look.content: look for name, look in pairs if name in names and look.content not in there}
    contents = list(lacking)
    for start in range(0, len(contents), TAKEN_AT_ONCE):
        some = contents[start : start + TAKEN_AT_ONCE]
        arrays = {name: known.store.gather(name, some) for name in frozen.wanted.names}
        frozen.store.add([lacking[content] for content in some], arrays)
    frozen.store.flush()


def extract_known(features: Features, rows: np.ndarray, backbone: Backbone, recipe: Recipe = Recipe()) -> Features:
    """What another network makes of images that ``features`` knows; only those are read that its store lacks.

    Raises DataError where an image that was readable is no more.
    """
    started = time.perf_counter()
    images, looks = features.images.of(rows), features.looks.take(np.asarray(rows))
    frozen = FrozenPass(backbone, wanted_of(backbone), recipe.network.device, images.rendering.key)
    fill(frozen, images, looks, recipe.network.workers)
    return features_of(frozen, images, looks, started, recipe.network.workers)


def fill(frozen: FrozenPass, images: ImageSet, looks: Looks, workers: int) -> None:
    """Put those images through the network again that were looked at and whose features the store lacks.

    Raises DataError where one cannot be read any more, or is another one now.
    """
    pairs = zip(images.files, looks, strict=True)
    missing = {look.content: (file, look) for file, look in pairs if look.content not in frozen.store.rows}
    preprocessing = frozen.backbone.preprocessing

    def read(item: tuple[ImageFile, Look]) -> Read:
        file, look = item
        try:
            data = Known(file.content, look.content).read()
            decoded = decode_for(data, preprocessing.side, None, images.rendering)
        except Undecodable as error:
            raise gone(file, error) from None
        return Read(look.content, look, pixels_of(decoded, preprocessing))

    frozen.passed, frozen.compiling = 0, 0.0  # the rate is to be this pass's own
    for _ in frozen.through(read for _, read in map_ahead(read, missing.values(), workers)):
        pass


def features_of(frozen: FrozenPass, images: ImageSet, looks: Looks, started: float, workers: int) -> Features:
    """The features that a pass, begun at ``started``, left in its store."""
    seconds, wanted = time.perf_counter() - started, frozen.wanted
    frozen.forget_engine()
    frozen.store.again = partial(fill, frozen, images, looks, workers)
    own = wanted.cuts, looks, frozen.store, wanted.classifier, frozen.passed, seconds, frozen.engine_name
    return Features(images, *own, network_cuts=frozen.backbone.cuts)


def gone(file: ImageFile, error: Undecodable) -> DataError:
    """The error for an image that was there at the first look."""
    return DataError(
        f"{file.name} could be read before and cannot be any more ({error}); bring it back, or leave it out"
    )


def pixels_of(decoded: Decoded, preprocessing: Preprocessing) -> np.ndarray:
    """A decoded image as the network's engine takes it: (size, size, 3) uint8."""
    return preprocessing.pixels(decoded.image, decoded.original)


class Reader:
    """Reads files a few threads ahead of the network; each content is decoded once, and no known file is opened."""

    def __init__(
        self,
        frozen: FrozenPass,
        max_pixels: int,
        second: FrozenPass | None = None,
        names: Container[str] = (),
        rendering: Rendering = PLAIN,
        strict: bool = False,
    ) -> None:
        self.store, self.preprocessing, self.max_pixels = frozen.store, frozen.backbone.preprocessing, max_pixels
        self.second, self.names = second, names  # a second network, and the files that it is to see too
        self.rendering, self.strict = rendering, strict
        self.unmeasured: list[ImageFile] = []  # deep images that the rendering does not know
        self.known_files = KnownFiles()
        self.broken: dict[str, tuple[str, str]] = {}  # kind and reason, by the content's hash
        self.claimed: set[str] = set()  # contents that some thread decodes
        self.most_claimed = MOST_CLAIMED
        self.lock = threading.Lock()

    def read_all(self, files: Iterable[ImageFile], workers: int) -> Iterator[Read]:
        """Every file in order. What cannot be decoded is in ``broken`` when the last one has come."""
        try:
            for _, read in map_ahead(self.read, files, workers):
                yield read
        finally:
            self.known_files.write()

    def read(self, file: ImageFile) -> Read:
        """One file: opened where its state is not known, decoded where its content is not."""
        state = self.known_files.state_of(file.content)
        before = file.content.hash.hex() if isinstance(file.content, Indexed) else self.known_files.hash_of(state)
        if before and (known := self.store.known(before)):
            return self.checked(known)
        try:
            data = file.content.read()
            content = hash_of(data)
        except Undecodable as error:
            return self.failed(f"unread {file.name}", error)
        self.known_files.note(state, content)
        with self.lock:
            known = self.store.known(content)
            if known is None and content in self.claimed:
                return Read(content)
            self.claim(content)
        if known:
            return self.checked(known)
        try:
            decoded = decode_for(data, self.preprocessing.side, self.max_pixels, self.rendering)
            self.check_depth(file, decoded)
        except Undecodable as error:
            return self.failed(content, error)
        look = look_of(content, data, decoded)
        beside = self.for_second(look, data) if file.name in self.names else None
        return Read(content, look, pixels_of(decoded, self.preprocessing), beside)

    def claim(self, content: str) -> None:
        """Note that a thread decodes a content. What the store has by now need not be noted any more."""
        self.claimed.add(content)
        if len(self.claimed) >= self.most_claimed:
            self.claimed = {one for one in self.claimed if one not in self.store.rows}
            self.most_claimed = max(MOST_CLAIMED, 2 * len(self.claimed))

    def for_second(self, look: Look, data: bytes | Image) -> Read | None:
        """The image for the second network, decoded for its size, unless that has seen it."""
        if self.second is None or look.content in self.second.store.rows:
            return None
        preprocessing = self.second.backbone.preprocessing
        decoded = decode_for(data, preprocessing.side, None, self.rendering)
        return Read(look.content, look, pixels_of(decoded, preprocessing))

    def check_depth(self, file: ImageFile, decoded: Decoded) -> None:
        """Note a deep image that the rendering does not know, and keep it out of the store."""
        if self.strict and decoded.depth and not decoded.depth.known:
            self.unmeasured.append(file)
            raise Undecodable("unmeasured", f"a {decoded.depth.kind} image")

    def checked(self, known: Row) -> Read:
        """An image that the store has; too many pixels are too many all the same."""
        look = known.look
        try:
            check_size(look.width, look.height, self.max_pixels)
        except Undecodable as error:
            return self.failed(look.content, error)
        return Read(look.content)

    def failed(self, content: str, error: Undecodable) -> Read:
        """Note why a content cannot be used."""
        self.broken[content] = (error.kind, str(error))
        return Read(content)
