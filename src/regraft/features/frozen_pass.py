"""One pass through a frozen network: tensors in, pooled features in the store out."""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from regraft.data.content import Look
from regraft.features.store import open_store
from regraft.network.backbone import Backbone
from regraft.network.cuts import Cut
from regraft.network.engine import Engine, best_engine, compile_network, device_of
from regraft.network.surgery import POOLINGS, pooled_network

FORMAT = 5  # of the cached arrays; a change makes older caches unused
PASS_BATCH = 64  # images that go through at once
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


def wanted_of(backbone: Backbone, pooling: str = "average", spread: bool = False) -> Wanted:
    """Averages at every cut and the source's classifier; what ``pooling`` asks for; with ``spread`` mean squares."""
    pools = ("mean", *(("rms",) if spread else ()), *(pool for pool in POOLINGS[pooling] if pool != "mean"))
    return Wanted(backbone.traced.cuts, pools, bool(backbone.source_classes))


@dataclass(frozen=True)
class Read:
    """One image read: its content's hash and, unless the store has its features, the look and its network input."""

    content: str
    look: Look | None = None
    tensor: torch.Tensor | None = None


class FrozenPass:
    """A frozen network with its store; the engine is made when the first batch comes."""

    def __init__(self, backbone: Backbone, wanted: Wanted, device: str = "auto", kind: Sequence[str] = ()) -> None:
        self.backbone, self.wanted, self.device = backbone, wanted, device_of(device)
        self.engine_name = best_engine(self.device)
        self.store = open_store(self.key(kind))
        self.engine: Engine | None = None
        self.passed = 0  # images that went through
        self.compiling = 0.0  # seconds

    def key(self, kind: Sequence[str]) -> str:
        """A name for all that the features depend on besides the images' bytes; ``kind`` tells other inputs apart."""
        cuts = [cut.node for cut in self.backbone.traced.cuts]
        outputs = [*self.wanted.names, f"classifier {self.wanted.classifier}", *kind]
        parts = [FORMAT, self.backbone.fingerprint, self.backbone.preprocessing.as_dict(), cuts, self.engine_name]
        return hashlib.blake2b(json.dumps([*parts, outputs]).encode(), digest_size=16).hexdigest()

    def through(self, reads: Iterable[Read], batch_size: int = PASS_BATCH) -> Iterator[Read]:
        """Hand on what was read; what has a tensor goes through the network, a batch at a time, into the store."""
        started, batch = time.perf_counter(), list[Read]()
        try:
            for read in reads:
                if read.tensor is not None:
                    batch.append(read)
                if len(batch) == batch_size:
                    self.run(batch)
                    batch = []
                yield read
            if batch:
                self.run(batch)
        finally:
            self.store.flush()
        if self.passed >= ENOUGH:
            self.store.note_rate(self.passed / (time.perf_counter() - started - self.compiling))

    def run(self, batch: Sequence[Read]) -> None:
        """Run one batch and keep its features, an array a name; only averages stay in float32.

        Of the logits, which come last, entropy, energy and the likeliest classes are kept.
        """
        self.engine = self.engine or self.compiled()
        outputs = self.engine.run(torch.stack([read.tensor for read in batch if read.tensor is not None]))
        arrays = {
            name: output if name.startswith("mean-") else output.clip(-HALF, HALF).astype(np.float16)
            for name, output in zip(self.wanted.names, outputs, strict=False)
        }
        if self.wanted.classifier:
            arrays |= confidence_of(outputs[-1])
        for row, look in enumerate(read.look for read in batch if read.look is not None):
            self.store.add(look, {name: array[row] for name, array in arrays.items()})
        self.passed += len(batch)

    def compiled(self) -> Engine:
        """The network made ready to run."""
        begun, backbone, wanted = time.perf_counter(), self.backbone, self.wanted
        network = pooled_network(backbone.model, backbone.traced, wanted.cuts, wanted.pools, wanted.classifier)
        size = backbone.preprocessing.size
        engine = compile_network(network, size, self.device, self.engine_name, self.store.folder)
        self.engine_name = engine.name
        self.compiling = time.perf_counter() - begun
        return engine


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
