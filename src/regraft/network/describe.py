"""A network's description, from the network itself."""

import hashlib

import torch
from torch import nn

from regraft.network.architecture import Architecture
from regraft.network.description import Description
from regraft.network.preprocessing import Preprocessing
from regraft.network.surgery import new_head, pooled_network, stages_between
from regraft.network.tracing import Traced

AGREEMENT = 1e-4  # largest relative difference at which two networks count as the same


def describe(
    model: nn.Module,
    traced: Traced,
    architecture: Architecture,
    preprocessing: Preprocessing,
    source_classes: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Description:
    """The description of a network with its weights."""
    names = [tuple(pooled_network(model, traced, [cut]).state_dict()) for cut in traced.cuts]
    before = [set[str](), *map(set, names)]
    return Description(
        architecture=architecture,
        preprocessing=preprocessing,
        source_classes=source_classes,
        notes=(*notes, *([traced.note] if traced.note else [])),
        fingerprint=fingerprint_of(architecture, model),
        cuts=traced.cuts,
        stages=tuple(tuple(n for n in own if n not in known) for own, known in zip(names, before, strict=False)),
        parameters=tuple(sum(p.numel() for p in stage) for stage in stages_between(model, traced, traced.cuts[-1])),
        all_parameters=sum(p.numel() for p in model.parameters()),
        multiply_adds=traced.multiply_adds,
        activations=traced.activations,
        classifier=classifier_of(model, traced, architecture, preprocessing.size),
    )


def fingerprint_of(architecture: Architecture, model: nn.Module) -> str:
    """A hash of the architecture and of every weight and buffer."""
    digest = hashlib.blake2b(repr(architecture).encode(), digest_size=16)
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().view(-1).numpy().tobytes())
    return digest.hexdigest()


def classifier_of(model: nn.Module, traced: Traced, architecture: Architecture, size: int) -> str:
    """Timm's name of the last layer where the network up to it is the last cut averaged over space; else "".

    Then timm opens the whole with another linear layer in its place. It is tried, on random pixels.
    """
    classifier = getattr(model, "pretrained_cfg", {}).get("classifier") if architecture.library == "timm" else None
    if not isinstance(classifier, str):
        return ""
    last = traced.cuts[-1]
    body = pooled_network(model, traced, [last])
    images = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    try:
        with torch.random.fork_rng(devices=[]):
            head = new_head(last.channels, 2, 1, 0, "xavier_uniform_")
        theirs = architecture.build(2).eval()
        named = {f"{classifier}.weight": head[0].weight, f"{classifier}.bias": head[0].bias}
        theirs.load_state_dict(body.state_dict() | named)
        with torch.no_grad():
            ours, other = head(body(images)[0]), theirs(images)
    except RuntimeError:  # other keys or shapes: not a whole network
        return ""
    same = torch.allclose(other, ours, rtol=AGREEMENT, atol=AGREEMENT * float(ours.abs().max()))
    return classifier if same else ""
