"""One pass through a frozen network: pixels in, pooled features in the store out."""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from regraft.data.identity import Look
from regraft.data.prefetch import grouped, map_ahead
from regraft.errors import BackboneError
from regraft.features.store import note_engine, noted_engine, open_store
from regraft.network.backbone import Backbone
from regraft.network.cuts import POOLINGS, Cut
from regraft.network.engine import Engine, Outputs, best_engine, compile_pass, device_name, streams_of

FORMAT = 7  # of the cached arrays; a change makes older caches unused
ENOUGH = 50  # images for a rate worth noting
TOP = 5  # source classes kept for each image
HALF = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class Wanted:
    """What a pass keeps of every image."""

    cuts: tuple[Cut, ...]
    pools: tuple[str, ...] = ("mean",)  # names in surgery.POOLS
    classifier: bool = False  # whether the source's classifier is asked

    @property
    def names(self) -> list[str]:
        """The arrays in the store, in the order of the network's outputs."""
        return [f"{pool}-{cut.node}" for pool in self.pools for cut in self.cuts]


def wanted_at(cuts: Sequence[Cut], pooling: str) -> Wanted:
    """Averages at some cuts, and what ``pooling`` asks for: what heads are fitted to."""
    return Wanted(tuple(cuts), ("mean", *(pool for pool in POOLINGS[pooling] if pool != "mean")))


def wanted_of(backbone: Backbone, pooling: str = "average", spread: bool = False) -> Wanted:
    """Averages at every cut and the source's classifier; what ``pooling`` asks for; with ``spread`` mean squares."""
    pools = ("mean", *(("rms",) if spread else ()), *(pool for pool in POOLINGS[pooling] if pool != "mean"))
    return Wanted(backbone.cuts, pools, bool(backbone.source_classes))


@dataclass(frozen=True)
class Read:
    """One image read: its content's hash and, unless the store has its features, the look and its pixels."""

    content: str
    look: Look | None = None
    pixels: np.ndarray | None = None  # (size, size, 3) uint8
    beside: "Read | None" = None  # the same image for a second network


class FrozenPass:
    """A frozen network with its store; the engine is made when the first batch comes."""

    def __init__(self, backbone: Backbone, wanted: Wanted, device: str = "auto", kind: Sequence[str] = ()) -> None:
        self.backbone, self.wanted, self.device = backbone, wanted, device_name(device)
        self.engine_name, self.kind = best_engine(self.device), tuple(kind)
        self.store = open_store(self.key(kind))
        if fallen_back := noted_engine(self.store.folder):  # its features are in that engine's store
            self.engine_name = fallen_back
            self.store = open_store(self.key(kind))
        self.passed = 0  # images that went through
        self.compiling = 0.0  # seconds

    def key(self, kind: Sequence[str]) -> str:
        """A name for all that the features depend on besides the images' bytes; ``kind`` tells other inputs apart."""
        cuts = [cut.node for cut in self.backbone.cuts]
        outputs = [*self.wanted.names, f"classifier {self.wanted.classifier}", *kind]
        parts = [FORMAT, self.backbone.fingerprint, self.backbone.preprocessing.as_dict(), cuts, self.engine_name]
        return hashlib.blake2b(json.dumps([*parts, outputs]).encode(), digest_size=16).hexdigest()

    def through(self, reads: Iterable[Read], batch_size: int | None = None, note_rate: bool = True) -> Iterator[Read]:
        """Hand on what was read; what has pixels goes through the network, batches at once, into the store.

        The rate is noted for later estimates, unless the reads have other work in them.
        """
        started = time.perf_counter()

        def size() -> int:  # asked before the first batch runs: the engine is made by this thread
            engine = self.engine
            return batch_size or engine.batch

        groups = grouped(reads, lambda read: read.pixels is not None, size)
        try:
            for group, outputs in map_ahead(self.run, groups, streams_of(self.engine_name), chunk=1, ahead=1):
                self.keep([read for read in group if read.pixels is not None], outputs)
                yield from (replace(read, pixels=None) for read in group)
        finally:
            self.store.flush()
        if self.passed >= ENOUGH and note_rate:
            named = f"{self.backbone.name} {self.backbone.preprocessing.size}"
            self.store.note_rate(self.passed / (time.perf_counter() - started - self.compiling), named)

    def run(self, group: Sequence[Read]) -> Outputs:
        """The network's outputs for those of a group that have pixels."""
        pixels = [read.pixels for read in group if read.pixels is not None]
        return self.engine.run(np.stack(pixels)) if pixels else []

    def keep(self, reads: Sequence[Read], outputs: Outputs) -> None:
        """Put one batch's features into the store, an array a name; only averages stay in float32.

        Of the logits, which come last, entropy, energy and the likeliest classes are kept.
        """
        if not all(np.isfinite(output).all() for output in outputs):
            raise BackboneError(
                f"{self.backbone.name} answers with numbers that are not finite, as weights of a training that broke"
                " down do; use other weights"
            )
        arrays = {
            name: output if name.startswith("mean-") else output.clip(-HALF, HALF).astype(np.float16)
            for name, output in zip(self.wanted.names, outputs, strict=False)
        }
        if self.wanted.classifier and reads:
            arrays |= confidence_of(outputs[-1])
        if reads:
            self.store.add([read.look for read in reads if read.look is not None], arrays)
        self.passed += len(reads)

    @cached_property
    def engine(self) -> Engine:
        """The network made ready to run."""
        begun, wanted = time.perf_counter(), self.wanted
        engine = compile_pass(
            self.backbone, wanted.cuts, wanted.pools, wanted.classifier, self.device, self.engine_name
        )
        if engine.name != self.engine_name:  # what it gives does not belong with what the other would have given
            note_engine(self.store.folder, engine.name)
            self.engine_name = engine.name
            self.store.folder = open_store(self.key(self.kind)).folder
        self.compiling = time.perf_counter() - begun
        return engine

    def forget_engine(self) -> None:
        """Free the network's memory; it is made ready again where it is needed again."""
        vars(self).pop("engine", None)


def confidence_of(logits: np.ndarray) -> dict[str, np.ndarray]:
    """Entropy and energy (Liu et al., 2020), in nats, and the TOP likeliest classes of logits (images, classes)."""
    most = logits.max(axis=1, keepdims=True)
    powers = np.exp(logits - most)
    total = powers.sum(axis=1, keepdims=True)
    energy = -(most + np.log(total))
    entropy = -energy - (powers * logits).sum(axis=1, keepdims=True) / total
    likeliest = np.argpartition(-logits, min(TOP, logits.shape[1]) - 1, axis=1)[:, :TOP]
    order = np.argsort(-np.take_along_axis(logits, likeliest, 1), axis=1, kind="stable")
    nearest = np.take_along_axis(likeliest, order, 1)
    return {"confidence": np.hstack([entropy, energy]).astype(np.float32), "nearest": nearest.astype(np.int32)}
