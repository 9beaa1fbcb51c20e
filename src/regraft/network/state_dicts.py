"""The state dicts in a checkpoint, and how each fits a network: under which prefix, what is missing, what is over."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

DEPTH = 4  # of dicts in dicts
WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")  # parts of names that wrap
UNCOUNTED = (  # last parts of names that a network does without
    "num_batches_tracked", "n_averaged", "total_ops", "total_params", "relative_position_index",
    "relative_coords_table", "attn_mask",
)  # fmt: skip
AVERAGED = {"ema", "swa", "avg", "average", "averaged", "teacher", "momentum", "target"}  # words for averaged weights
AVERAGED_NAMES = ("encoder_k", "key_encoder", "k_encoder")  # MoCo's
COMPARED = 0.5  # of the best prefix's entries: as many make another prefix worth a look


@dataclass(frozen=True, eq=False)
class Fit:
    """One state dict under one prefix, beside the network's own entries."""

    place: str  # the keys that lead to it, joined by dots; empty for the file itself
    prefix: str  # of its names that belong to the network, without wrappers and the last dot
    tensors: Mapping[str, torch.Tensor]  # under the network's own names, whatever their shape
    missing: tuple[str, ...]  # the network's entries that are not there
    unlike: tuple[str, ...]  # that have another shape
    strange: tuple[str, ...]  # among its layers, but not the network's
    aside: tuple[str, ...]  # parts of the file that belong to no layer of the network
    as_is: bool  # its names are the network's own

    @property
    def label(self) -> str:
        """What names it for people, and for --weights-key."""
        return ".".join(filter(None, (self.place, self.prefix)))

    @property
    def averaged(self) -> bool:
        """Whether its name says that these are averages over the training (EMA)."""
        words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", self.label)}
        return bool(words & AVERAGED) or any(name in self.label for name in AVERAGED_NAMES)

    @property
    def whole(self) -> bool:
        """Whether all that the network needs is there, and nothing of another network."""
        return not (self.missing or self.unlike or self.strange)

    def named(self, key: str) -> bool:
        """Whether ``key`` names it or what it lies in."""
        parts = [part for part in key.split(".") if part not in WRAPPERS]
        within = bool(parts) and f".{'.'.join(parts)}." in f".{self.label}."
        return within or f"{self.place}.".startswith(f"{key}.")

    def same_as(self, other: "Fit") -> bool:
        """Whether both hold the same figures."""
        return self.tensors.keys() == other.tensors.keys() and all(
            torch.equal(value, other.tensors[name]) for name, value in self.tensors.items()
        )


def state_dicts(content: Any, place: str = "", depth: int = DEPTH) -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
    """Every dict that holds tensors by name, and the keys that lead to it."""
    if not isinstance(content, dict):
        return
    named = {key: value for key, value in content.items() if isinstance(key, str)}
    tensors = {key: value for key, value in named.items() if isinstance(value, torch.Tensor)}
    if tensors:
        yield place, tensors
    if depth:
        for key, value in named.items():
            yield from state_dicts(value, f"{place}.{key}" if place else key, depth - 1)


def fits(
    place: str, tensors: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor], head: tuple[str, ...]
) -> Iterator[Fit]:
    """How a state dict fits a network with the entries ``own``, of which those under ``head`` are not needed."""
    plain = without_wrappers(tensors, own)
    found = Counter(prefix for name in plain for prefix in prefixes_of(name, own))
    most = max(found.values(), default=0)
    for prefix, count in found.items():
        if count >= COMPARED * most:
            yield fit_under(prefix, place, plain, own, head, tensors)


def fit_under(
    prefix: str,
    place: str,
    plain: Mapping[str, torch.Tensor],
    own: Mapping[str, torch.Tensor],
    head: tuple[str, ...],
    tensors: Mapping[str, torch.Tensor],
) -> Fit:
    """What fits under one prefix, and what does not."""
    start = f"{prefix}." if prefix else ""
    here = {name.removeprefix(start): value for name, value in plain.items() if name.startswith(start)}
    elsewhere = {parting(name, prefix) for name in plain if not name.startswith(start)}
    needed = [name for name in own if not name.startswith(head) and name.rpartition(".")[2] not in UNCOUNTED]
    layers = {name.partition(".")[0] for name in needed}
    over = [name for name in here if name not in own and name.rpartition(".")[2] not in UNCOUNTED]
    strange = tuple(name for name in over if name.partition(".")[0] in layers and not name.startswith(head))
    aside = {name.partition(".")[0] for name in over} - layers - {one.partition(".")[0] for one in head}
    return Fit(
        place,
        prefix,
        {name: value for name, value in here.items() if name in own},
        missing=tuple(name for name in needed if name not in here),
        unlike=tuple(name for name in needed if name in here and not alike(here[name], own[name])),
        strange=strange,
        aside=tuple(sorted((aside | elsewhere) - {*UNCOUNTED})),
        as_is=not prefix and not place and plain is tensors,
    )


def parting(name: str, prefix: str) -> str:
    """The first parts of ``name``, up to where it parts from ``prefix``."""
    parts, others = name.split("."), prefix.split(".")
    shared = next((i for i, (part, other) in enumerate(zip(parts, others, strict=False)) if part != other), 0)
    return ".".join(parts[: shared + 1])


def alike(value: torch.Tensor, own: torch.Tensor) -> bool:
    """Whether one tensor may take the other's place: the same shape, dense, and floats for floats."""
    kinds = [(one.is_floating_point(), one.layout, one.is_meta) for one in (value, own)]
    return value.shape == own.shape and kinds[0] == kinds[1]


def without_wrappers(
    tensors: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]
) -> Mapping[str, torch.Tensor]:
    """The same without the parts of names that DataParallel, torch.compile and FSDP put in."""
    wrappers = set(WRAPPERS) - {part for name in own for part in name.split(".")}
    plain = {".".join(p for p in name.split(".") if p not in wrappers): value for name, value in tensors.items()}
    return plain if len(plain) == len(tensors) and plain.keys() != tensors.keys() else tensors


def prefixes_of(name: str, own: Mapping[str, torch.Tensor]) -> Iterator[str]:
    """What stands before one of the network's own names in ``name``."""
    parts = name.split(".")
    for i in range(len(parts)):
        if ".".join(parts[i:]) in own:
            yield ".".join(parts[:i])
