"""The one pass: every image decoded once, run once through the frozen network, pooled at every cut.

From what it leaves in the cache come the similarity measurement, the depth profile, the head and the baselines.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from regraft.data.content import Look, hash_of, look_of
from regraft.data.decoding import Undecodable, check_size, decode
from regraft.data.images import Fault, ImageFile, ImageSet
from regraft.data.prefetch import map_ahead
from regraft.features.store import Store, open_store
from regraft.network.backbone import Backbone
from regraft.network.batch_norm import Norm, norms_of
from regraft.network.cuts import Cut, Traced
from regraft.network.engine import Engine, best_engine, compile_network, device_of
from regraft.network.preprocessing import Transform
from regraft.network.surgery import POOLINGS, pooled_network

FORMAT = 4  # of the cached arrays; a change makes older caches unused
ENOUGH = 50  # images for a rate worth noting
TOP = 5  # source classes kept for each image
HALF = float(np.finfo(np.float16).max)
Progress = Callable[[str, int, int], None]  # what is under way, how many are done, of how many


def silent(_stage: str, _done: int, _total: int) -> None:
    """The progress that shows nothing."""


@dataclass(frozen=True)
class Features:
    """The pooled features of an ImageSet's files, in their order, read from the cache as they are asked for."""

    images: ImageSet  # the files that could be decoded; the others are among its faults
    cuts: tuple[Cut, ...]
    looks: tuple[Look, ...]  # per file, the hashes of its bytes and pixels, and its size
    store: Store
    norms: Mapping[str, Norm]  # by cut, where the network carries its source statistics itself
    classifier: bool  # whether the source's classifier was asked
    passed: int  # images that went through the network in this call
    seconds: float
    engine: str

    def pooled(self, cuts: Sequence[Cut], rows: np.ndarray, pooling: str = "average") -> np.ndarray:
        """Features pooled over space at ``cuts``, joined as a grafted network joins them: (rows, channels), float32."""
        return self.gather([f"{pool}-{cut.node}" for pool in POOLINGS[pooling] for cut in cuts], rows)

    def confidence(self, rows: np.ndarray) -> np.ndarray | None:
        """The source classifier's entropy and energy, in nats: (rows, 2); None where it was not asked."""
        return self.gather(["confidence"], rows) if self.classifier else None

    def nearest_source(self, rows: np.ndarray) -> np.ndarray:
        """Ids of the TOP source classes that the source classifier holds most likely: (rows, TOP), int64."""
        return self.gather(["nearest"], rows).astype(np.int64)

    def spread(self, cut: Cut, rows: np.ndarray) -> np.ndarray:
        """Root mean squares over space at ``cut``: (rows, channels), float32."""
        return self.gather([f"rms-{cut.node}"], rows)

    def gather(self, names: Sequence[str], rows: np.ndarray) -> np.ndarray:
        """The named arrays' rows, joined along the channels."""
        contents = [self.looks[row].content for row in rows]
        return np.concatenate([self.store.gather(name, contents) for name in names], axis=1).astype(np.float32)

    @property
    def rate(self) -> float | None:
        """Images a second in the frozen pass on this machine, in this call or the last that ran it."""
        return self.store.rate

    @cached_property
    def pixels(self) -> tuple[str, ...]:
        """Per file, the hash of its decoded pixels."""
        return tuple(look.pixels for look in self.looks)

    def fingerprint(self, parts: Mapping[int, str] | None = None) -> str:
        """A hash of every image's bytes and class name, whatever the files' names and order.

        ``parts`` (row: name) enter too, where they are given.
        """
        named = parts or {}
        return self.hash_with_names([look.content + named.get(row, "") for row, look in enumerate(self.looks)])

    def pixel_fingerprint(self) -> str:
        """The same of the decoded pixels: however they were encoded, or never were."""
        return self.hash_with_names(self.pixels)

    def hash_with_names(self, hashes: Sequence[str]) -> str:
        """A hash of one hash a file and its class's name."""
        names = (self.images.classes[file.label] for file in self.images.files)
        labelled = sorted(f"{name}/{one}" for name, one in zip(names, hashes, strict=True))
        text = "\n".join(labelled).encode(errors="surrogatepass")  # names may hold what no encoding has
        return hashlib.blake2b(text, digest_size=16).hexdigest()

    def noting(self, faults: Sequence[Fault]) -> "Features":
        """The same features, with more faults listed among the images'."""
        return replace(self, images=self.images.noting(faults))

    @property
    def labels(self) -> np.ndarray:
        """The class ids: (files,), int64."""
        return np.array([file.label for file in self.images.files], dtype=np.int64)


@dataclass(frozen=True)
class Read:
    """One file read: its content's hash, and, unless the cache has its features, the look and its network input."""

    content: str
    look: Look | None = None
    tensor: torch.Tensor | None = None


def extract(
    images: ImageSet,
    backbone: Backbone,
    traced: Traced,
    *,
    batch_size: int = 64,
    workers: int = 0,
    device: str = "auto",
    pooling: str = "average",
    progress: Progress = silent,
) -> Features:
    """Pool the frozen backbone's values at every cut for every image, from the cache where it has them.

    Averages and root mean squares are always kept; the largest values only where ``pooling`` asks for them.
    Files that cannot be decoded are left out and listed in the result's ``images.faults``.
    """
    started = time.perf_counter()
    where = device_of(device)
    engine_name = best_engine(where)
    pools = ("mean", "rms", *(pool for pool in POOLINGS[pooling] if pool != "mean"))
    norms = {} if backbone.statistics else norms_of(backbone.model, traced)
    places = list({cut.node: cut for cut in (*traced.cuts, *(norm.place for norm in norms.values()))}.values())
    classifier = bool(backbone.source_classes)
    names = [f"{pool}-{place.node}" for pool in pools for place in places]
    store = open_store(key_of(backbone, traced, engine_name, [*names, f"classifier {classifier}"]))
    engine: Engine | None = None
    broken: dict[str, tuple[str, str]] = {}
    contents: list[str] = []
    batch: list[Read] = []
    passed, compiling = 0, 0.0

    def run_batch() -> None:
        nonlocal engine, passed, compiling
        if engine is None:
            begun = time.perf_counter()
            network = pooled_network(backbone.model, traced, places, pools, classifier)
            engine = compile_network(network, backbone.preprocessing.size, where, engine_name, store.folder)
            compiling = time.perf_counter() - begun
        add_batch(store, names, batch, engine)
        passed += len(batch)
        batch.clear()

    try:
        for done, read in enumerate(read_all(images, store, backbone.preprocessing.transform(), workers, broken), 1):
            contents.append(read.content)
            if read.tensor is not None:
                batch.append(read)
            if len(batch) == batch_size:
                run_batch()
            progress("Looking at every image once", done, len(images.files))
        if batch:
            run_batch()
    finally:
        store.flush()
    if passed >= ENOUGH:
        store.note_rate(passed / (time.perf_counter() - started - compiling))
    kept = images.without(
        tuple(
            Fault(file.name, *broken[content])
            for file, content in zip(images.files, contents, strict=True)
            if content in broken
        )
    )
    looks = tuple(store.rows[content].look for content in contents if content not in broken)
    seconds = time.perf_counter() - started
    ran = engine.name if engine else engine_name
    return Features(kept, traced.cuts, looks, store, norms, classifier, passed, seconds, ran)


def key_of(backbone: Backbone, traced: Traced, engine: str, what: Sequence[str]) -> str:
    """A name for all that the features depend on besides the images' bytes; ``what`` tells kinds apart."""
    parts = [
        FORMAT,
        backbone.fingerprint(),
        backbone.preprocessing.as_dict(),
        [cut.node for cut in traced.cuts],
        engine,
        list(what),
    ]
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def add_batch(store: Store, names: Sequence[str], batch: list[Read], engine: Engine) -> None:
    """Run one batch and keep its features, an array a name; only averages stay in float32.

    Of the logits, where they come after the named outputs, entropy, energy and the likeliest classes are kept.
    """
    outputs = engine.run(torch.stack([read.tensor for read in batch if read.tensor is not None]))
    kept = {
        name: output if name.startswith("mean-") else output.clip(-HALF, HALF).astype(np.float16)
        for name, output in zip(names, outputs, strict=False)
    }
    if len(outputs) > len(names):
        kept |= confidence_of(outputs[-1])
    for row, look in enumerate(read.look for read in batch if read.look is not None):
        store.add(look, {name: output[row] for name, output in kept.items()})


def confidence_of(logits: np.ndarray) -> dict[str, np.ndarray]:
    """Entropy and energy (Liu et al., 2020), in nats, and the TOP likeliest classes of logits (images, classes)."""
    scores = torch.from_numpy(logits).float()
    logs = scores.log_softmax(1)
    entropy = -(logs.exp() * logs).sum(1)
    nearest = scores.topk(min(TOP, scores.shape[1]), 1).indices
    return {
        "confidence": torch.stack([entropy, -scores.logsumexp(1)], 1).numpy(),
        "nearest": nearest.int().numpy(),
    }


def read_all(
    images: ImageSet, store: Store, transform: Transform, workers: int, broken: dict[str, tuple[str, str]]
) -> Iterator[Read]:
    """Read the files in order, a few threads ahead of the network; each content is decoded once.

    Contents that cannot be decoded are put into ``broken``: all of them are there when the last file has come.
    """
    claimed: set[str] = set()
    lock = threading.Lock()

    def read(file: ImageFile) -> Read:
        try:
            data = file.content.read()
            content = hash_of(data)
        except Undecodable as error:
            broken[f"unread {file.name}"] = (error.kind, str(error))
            return Read(f"unread {file.name}")
        with lock:
            known = store.rows.get(content)
            if known is None and content in claimed:
                return Read(content)
            claimed.add(content)
        try:
            if known:
                check_size(known.look.width, known.look.height)
                return Read(content)
            image = decode(data)
        except Undecodable as error:
            broken[content] = (error.kind, str(error))
            return Read(content)
        return Read(content, look_of(content, image), transform(image))

    yield from (read for _, read in map_ahead(read, images.files, workers))
