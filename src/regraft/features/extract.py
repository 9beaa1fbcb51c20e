"""The one look at every image: read, hashed, decoded and run through the frozen network once.

From what it leaves in the store come the similarity, the depth profile, the head and the baselines.
"""

import threading
import time
from collections.abc import Iterable, Iterator

import numpy as np

from regraft.data.content import Look, hash_of, look_of
from regraft.data.decoding import Undecodable, check_size, decode
from regraft.data.images import Fault, ImageFile, ImageSet
from regraft.data.prefetch import map_ahead
from regraft.errors import DataError
from regraft.features.features import Features
from regraft.features.frozen_pass import PASS_BATCH, FrozenPass, Read, Wanted, wanted_of
from regraft.features.store import Store
from regraft.network.backbone import Backbone
from regraft.network.preprocessing import Transform
from regraft.progress import Progress, silent
from regraft.recipe import Recipe


def extract(
    images: ImageSet,
    backbone: Backbone,
    wanted: Wanted | None = None,
    recipe: Recipe = Recipe(),
    progress: Progress = silent,
) -> Features:
    """Pool the frozen backbone's values at every cut for every image, from the store where it has them.

    ``wanted``: what is kept of every image; None: what wanted_of says. ``recipe``: its batch size, workers, device and
    largest image are used. Files that cannot be decoded are left out and listed in the result's ``images.faults``;
    DataError where a whole class goes with them.
    """
    started, network = time.perf_counter(), recipe.network
    frozen = FrozenPass(backbone, wanted or wanted_of(backbone), network.device)
    reader = Reader(frozen.store, backbone.preprocessing.transform(), recipe.reading.max_pixels)
    reads = frozen.through(reader.read_all(images.files, network.workers), network.batch_size or PASS_BATCH)
    contents = []
    for done, read in enumerate(reads, 1):
        contents.append(read.content)
        progress("Looking at every image once", done, len(images.files))
    pairs = zip(images.files, contents, strict=True)
    broken = [Fault(file.name, *reader.broken[content]) for file, content in pairs if content in reader.broken]
    looks = [frozen.store.rows[content].look for content in contents if content not in reader.broken]
    return features_of(frozen, images.without(tuple(broken)), looks, started)


def extract_known(features: Features, rows: np.ndarray, backbone: Backbone, recipe: Recipe = Recipe()) -> Features:
    """What another network makes of images that ``features`` knows; only those are read that its store lacks.

    Raises DataError where an image that was readable is no more.
    """
    started = time.perf_counter()
    frozen = FrozenPass(backbone, wanted_of(backbone), recipe.network.device)
    images, looks = features.images.of(rows), [features.looks[row] for row in rows]
    pairs = zip(images.files, looks, strict=True)
    missing = {look.content: (file, look) for file, look in pairs if look.content not in frozen.store.rows}
    transform = backbone.preprocessing.transform()

    def read(item: tuple[ImageFile, Look]) -> Read:
        file, look = item
        try:
            return Read(look.content, look, transform(decode(file.content.read(), None)))
        except Undecodable as error:
            raise gone(file, error) from None

    for _ in frozen.through(read for _, read in map_ahead(read, missing.values(), recipe.network.workers)):
        pass
    return features_of(frozen, images, looks, started)


def features_of(frozen: FrozenPass, images: ImageSet, looks: Iterable[Look], started: float) -> Features:
    """The features that a pass, begun at ``started``, left in its store."""
    seconds, wanted = time.perf_counter() - started, frozen.wanted
    return Features(
        images, wanted.cuts, tuple(looks), frozen.store, wanted.classifier, frozen.passed, seconds, frozen.engine_name
    )


def gone(file: ImageFile, error: Undecodable) -> DataError:
    """The error for an image that was there at the first look."""
    return DataError(
        f"{file.name} could be read before and cannot be any more ({error}); bring it back, or leave it out"
    )


class Reader:
    """Reads files a few threads ahead of the network; each content is decoded once."""

    def __init__(self, store: Store, transform: Transform, max_pixels: int) -> None:
        self.store, self.transform, self.max_pixels = store, transform, max_pixels
        self.broken: dict[str, tuple[str, str]] = {}  # kind and reason, by the content's hash
        self.claimed: set[str] = set()  # contents that some thread decodes
        self.lock = threading.Lock()

    def read_all(self, files: Iterable[ImageFile], workers: int) -> Iterator[Read]:
        """Every file in order. What cannot be decoded is in ``broken`` when the last one has come."""
        for _, read in map_ahead(self.read, files, workers):
            yield read

    def read(self, file: ImageFile) -> Read:
        """One file: decoded where its content is not known yet."""
        try:
            data = file.content.read()
            content = hash_of(data)
        except Undecodable as error:
            return self.failed(f"unread {file.name}", error)
        with self.lock:
            known = self.store.rows.get(content)
            if known is None and content in self.claimed:
                return Read(content)
            self.claimed.add(content)
        try:
            if known:
                check_size(known.look.width, known.look.height, self.max_pixels)
                return Read(content)
            image = decode(data, self.max_pixels)
        except Undecodable as error:
            return self.failed(content, error)
        return Read(content, look_of(content, image), self.transform(image))

    def failed(self, content: str, error: Undecodable) -> Read:
        """Note why a content cannot be used."""
        self.broken[content] = (error.kind, str(error))
        return Read(content)
