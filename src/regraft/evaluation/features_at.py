"""What a run's head sees of images: the pooled features at its cuts, or at others."""

from collections.abc import Sequence

import numpy as np

from regraft.data.prefetch import grouped, map_ahead
from regraft.data.readers.paths import Named
from regraft.errors import BackboneError
from regraft.evaluation.prediction import check_read
from regraft.evaluation.reading import Read, Reader
from regraft.network.cuts import POOLINGS, Cut, find_cut
from regraft.network.engine import (
    FLOAT32,
    PRECISIONS,
    PYTORCH,
    Engine,
    best_engine,
    compile_pass,
    device_name,
    streams_of,
)
from regraft.network.graft import Graft
from regraft.network.saved import Saved
from regraft.progress import Progress


def features_at(engine: Engine, reader: Reader, contents: Sequence[Named], progress: Progress) -> np.ndarray:
    """Features (images, channels), float32, that ``engine`` gives; DataError where an image cannot be read."""

    def run(group: Sequence[Read]) -> np.ndarray | None:
        for one in group:
            check_read(one.name, one.fault)
        pixels = [one.pixels for one in group if one.pixels is not None]
        return np.concatenate(engine.run(np.stack(pixels)), axis=1, dtype=np.float32) if pixels else None

    parts, done = [], 0
    reads = (read for _, read in map_ahead(reader.read, contents))
    groups = grouped(reads, lambda read: read.pixels is not None, lambda: engine.batch)
    for group, features in map_ahead(run, groups, streams_of(engine.name), chunk=1, ahead=1):
        parts += [] if features is None else [features]
        done += len(group)
        progress("Looking at images", done, len(contents), "images")
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)


def engine_for(saved: Saved, names: Sequence[str], device: str) -> Engine:
    """A run's network up to the cuts of those names, or the head's own; by OpenVINO where the run itself goes by it."""
    place, graft = device_name(device), saved.graft
    cuts = [kept_cut(graft, name) for name in names] or list(graft.cuts)
    name = FLOAT32 if saved.config.graph_of and best_engine(place) in PRECISIONS else PYTORCH
    return compile_pass(graft.backbone, cuts, POOLINGS[graft.pooling], False, place, name)


def kept_cut(graft: Graft, name: str) -> Cut:
    """A cut that the run kept; BackboneError names those that there are."""
    cuts = graft.backbone.cuts
    kept = cuts[: cuts.index(graft.last_cut) + 1]
    cut = find_cut(cuts, name)
    if cut not in kept:
        there = ", ".join(one.name for one in kept)
        raise BackboneError(f"this run has no layers behind {kept[-1].name}, so no '{name}'; it has {there}")
    return cut
