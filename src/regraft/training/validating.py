"""Validation of the weights that are in the network, each image once, whichever rank has it."""

import torch
from torch.nn.functional import cross_entropy

from regraft.metrics import summaries
from regraft.training.forward import Forward
from regraft.training.samples import batches
from regraft.training.state import State
from regraft.training.task import Task


@torch.no_grad()
def validate(task: Task, forward: Forward, state: State) -> tuple[dict[str, float], list[bool]]:
    """Validation's figures for the weights in the model, and which images are right."""
    forward.model.eval()
    logits, truth = logits_and_labels(task, forward, max(1, 2 * task.batch_size // state.parts))
    predicted = logits.argmax(1)
    accuracy, balanced, macro = summaries(truth.numpy(), predicted.numpy())
    row = {
        "epoch": float(state.epoch),
        "val_loss": float(cross_entropy(logits, truth)),
        "val_accuracy": float(accuracy),
        "val_balanced_accuracy": float(balanced),
        "val_macro_f1": float(macro),
        "seconds": state.seconds,
    }
    return row, (predicted == truth).tolist()


def logits_and_labels(task: Task, forward: Forward, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Of all images that validate, in their order; batches of ``size`` go through all ranks at a time."""
    ranks, rows = task.ranks, task.val_rows
    own = rows[ranks.part_of(len(rows))]
    outputs = [
        [value.cpu() for value in forward(part, task.val_view)]
        for part in batches(own if len(own) else rows[:1], max(1, size // ranks.size))
    ]
    logits, truth = (torch.cat(parts) for parts in zip(*outputs, strict=True))
    if ranks.alone:
        return logits, truth
    return ranks.joined(logits[: len(own)], len(rows)), task.samples.labels[torch.from_numpy(rows)]
