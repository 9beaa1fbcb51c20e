"""What a run keeps to tell images by that are like those it was trained on."""

from pathlib import Path

import numpy as np

from regraft.features.familiar import JUDGING, MOST, Familiar, HeldOut, evenly, familiar_of
from regraft.features.familiar_file import FORMAT, HEAD, PRETRAINED, About, write_familiar
from regraft.planning.prepare import Job
from regraft.training.result import Trained


def keep_familiar(path: Path, job: Job, trained: Trained) -> None:
    """Write the file, unless too few held-out images can set a threshold."""
    familiar = familiar_images(job, trained)
    if familiar is None:
        return
    names = tuple(job.images.files[row].name for row in familiar.rows.tolist())
    seen_by, cut = (HEAD, "") if trained.frozen else (PRETRAINED, job.backbone.cuts[-1].name)
    about = About(FORMAT, seen_by, cut, job.backbone.fingerprint, familiar.measure, names)
    write_familiar(path, familiar, about)


def familiar_images(job: Job, trained: Trained) -> Familiar | None:
    """Training images in the pre-trained features: at the head's cuts, or, where those were trained, at the last.

    Training on labels brings all images near those of some class, unlike ones too.
    """
    held_out, split, features = trained.held_out, job.split, job.features
    if held_out is None or not np.isfinite(held_out.logits).all():
        return None
    graft = trained.graft
    cuts, pooling = (graft.cuts, graft.pooling) if trained.frozen else (job.backbone.cuts[-1:], "average")
    chosen = evenly(features.labels[split.train], MOST)
    judging = np.linspace(0, len(held_out.rows) - 1, min(JUDGING, len(held_out.rows))).round().astype(int)
    unit_of = dict(zip(split.train.tolist(), split.units.tolist(), strict=True))
    units = np.array([unit_of.get(row, -1) for row in held_out.rows[judging].tolist()], np.int64)
    return familiar_of(
        features.pooled(cuts, split.train[chosen], pooling),
        split.train[chosen],
        split.units[chosen],
        HeldOut(features.pooled(cuts, held_out.rows[judging], pooling), held_out.logits[judging], units),
    )
