"""State dicts from files, fitted to a network: which of them, under which names, and what is said of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from regraft.errors import BackboneError
from regraft.network.state_dicts import Fit, alike, fits, state_dicts
from regraft.network.weights_file import SAVED, holds_safetensors, read_file

SHOWN = 2  # names in an error or a note
COLOURS = 3  # channels of regraft's images
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue in a grey picture (ITU-R BT.601), as Pillow has it
ARCHITECTURES = ("arch", "architecture", "model_name")  # keys under which training scripts name the network


@dataclass(frozen=True)
class Loaded:
    """How a file's weights came into a network."""

    notes: tuple[str, ...]  # what the user should know of it
    classifier: bool  # whether the file's classifier came along
    as_is: bool  # whether that is a safetensors file with the network's own names and shapes


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a .safetensors or .pth file that holds one state dict; nothing in it is run."""
    for _, tensors in state_dicts(read_file(path)):
        return tensors
    raise none_in(path)


def load_weights(
    model: nn.Module, path: Path, name: str, classifier: str | tuple[str, ...] | None, key: str | None = None
) -> Loaded:
    """Load the state dict in a file that fits ``model``, or the one that ``key`` names, whatever wraps it.

    Every layer but the classifier must be there, and no other network's: else BackboneError names what does not fit.
    """
    own = model.state_dict()
    classifiers = (classifier,) if isinstance(classifier, str) else classifier  # some of timm's have several
    head = tuple(one + "." for one in classifiers or (list(own)[-1].rsplit(".", 1)[0],))
    content = read_file(path)
    dicts = list(state_dicts(content))
    if not dicts:
        raise none_in(path)
    found = under_key(path, name, [fit for place, tensors in dicts for fit in fits(place, tensors, own, head)], key)
    adapted = [with_colour_stem(fit, own) for fit in found]
    whole = [fit for fit in adapted if fit.whole]
    if not whole:
        raise misfit(path, name, own, adapted, content)
    fit = chosen(path, whole, key)
    fitting, grey = fitting_of(fit, own), fit not in found
    refuse_unusable(path, fitting)
    model.load_state_dict(fitting, strict=False)
    absent = [entry for entry in own if entry.startswith(head) and entry not in fitting]
    notes = (
        *notes_of_choice(path, fit, whole, key),
        *notes_of_parts(path, fit, name, grey),
        *notes_of_classifier(path, fit, absent),
    )
    return Loaded(notes, not absent, fit.as_is and not grey and holds_safetensors(path))


def under_key(path: Path, name: str, found: Sequence[Fit], key: str | None) -> Sequence[Fit]:
    """Those that ``key`` names, all without one; BackboneError where it names none."""
    named = [fit for fit in found if key is None or fit.named(key)]
    if found and not named:
        labels = dict.fromkeys(fit.label for fit in found if fit.label)
        there = f"it has {', '.join(labels)}" if labels else "it has one state dict only, leave --weights-key out"
        raise BackboneError(f"{path} has nothing of '{name}' under '{key}'; {there}")
    return named


def none_in(path: Path) -> BackboneError:
    """The error for a file without tensors by name."""
    return BackboneError(f"{path} holds no state dict of tensors; {SAVED}")


def chosen(path: Path, whole: Sequence[Fit], key: str | None) -> Fit:
    """The state dict to take of those that fit: averaged weights only where they are alone or asked for."""
    plain = [fit for fit in whole if not fit.averaged] or list(whole)
    first = plain[0]
    if all(fit.same_as(first) for fit in plain[1:]):
        return first
    exact = [fit for fit in plain if key in {fit.place, fit.label}]
    if len(exact) == 1:
        return exact[0]
    labels = ", ".join(fit.label or "the file itself" for fit in plain)
    raise BackboneError(f"{path} has {len(plain)} state dicts that fit: {labels}; choose one with --weights-key")


def with_colour_stem(fit: Fit, own: Mapping[str, torch.Tensor]) -> Fit:
    """The same for colours, where one layer takes grey images and nothing else differs in shape."""
    if len(fit.unlike) != 1:
        return fit
    (entry,) = fit.unlike
    grey, colour = fit.tensors[entry], own[entry].shape
    if len(colour) < 2 or colour[1] != COLOURS or grey.shape != (colour[0], 1, *colour[2:]):  # noqa: PLR2004
        return fit
    shares = torch.tensor(LUMINANCE, dtype=torch.float32).reshape(1, COLOURS, *[1] * (len(colour) - 2))
    return replace(fit, tensors={**fit.tensors, entry: grey.float() * shares}, unlike=())


def refuse_unusable(path: Path, fitting: Mapping[str, torch.Tensor]) -> None:
    """Raise BackboneError where weights are no finite numbers."""
    broken = [entry for entry, value in fitting.items() if not bool(torch.isfinite(value).all())]
    if broken:
        raise BackboneError(
            f"{path} has NaN or infinite weights in {len(broken)} of {len(fitting)} entries ({listed(broken)});"
            " its training went wrong, take an earlier checkpoint"
        )


def misfit(path: Path, name: str, own: Mapping[str, torch.Tensor], found: Sequence[Fit], content: Any) -> BackboneError:
    """The error for a file of which nothing fits wholly: what of the network is there, and what is not."""
    if not found:
        count = sum(len(tensors) for _, tensors in state_dicts(content))
        why = f"none of its {len(own)} entries is among the file's {count}"
        return BackboneError(f"{path} does not hold the weights of '{name}': {why}; {mend(content)}")
    best = max(found, key=lambda fit: len(fitting_of(fit, own)))
    fitting = len(fitting_of(best, own))
    place = f" (under '{best.label}')" if best.label and fitting > len(own) / 2 else ""
    reasons = [f"{fitting} of its {len(own)} entries fit{place}"]
    if best.missing:
        reasons.append(f"missing: {listed(best.missing)}")
    if best.unlike:
        there, here = best.tensors[best.unlike[0]], own[best.unlike[0]]
        shapes, kinds = (tuple(there.shape), tuple(here.shape)), (str(there.dtype), str(here.dtype))
        theirs, ours = shapes if shapes[0] != shapes[1] else kinds
        reasons.append(f"of another shape: {listed(best.unlike)} (the first is {theirs}, not {ours})")
    if best.strange:
        reasons.append(f"not the network's: {listed(best.strange)}")
    return BackboneError(f"{path} does not hold the weights of '{name}': {', '.join(reasons)}; {mend(content, best)}")


def fitting_of(fit: Fit, own: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors that may take the place of the network's own."""
    return {entry: value for entry, value in fit.tensors.items() if alike(value, own[entry])}


def mend(content: Any, best: Fit | None = None) -> str:
    """What to do about weights of another network."""
    if best and not best.missing and not best.strange and len(best.unlike) == 1:
        value = best.tensors[best.unlike[0]]
        if value.ndim == 4 and value.shape[1] != COLOURS:  # noqa: PLR2004 - a convolution
            return f"its first layer takes {value.shape[1]} channels, and images have {COLOURS}; train it on colours"
    said = [content.get(key) for key in ARCHITECTURES] if isinstance(content, dict) else []
    names = [name for name in said if isinstance(name, str)]
    hint = f" (the file says {names[0]})" if names else ""
    return f"name the backbone that they belong to{hint}"


def notes_of_choice(path: Path, fit: Fit, whole: Sequence[Fit], key: str | None) -> Iterator[str]:
    """Which weights were taken, where there was a choice or they are averages."""
    others = [other for other in whole if other.label != fit.label and not other.same_as(fit)]
    if key:
        yield f"the weights under '{fit.label}' of {path.name} were taken, as asked"
    elif fit.averaged:
        yield f"the averaged (EMA) weights of {path.name} were taken, '{fit.label}': no others there fit"
    elif others:
        yield (
            f"the weights under '{fit.label}' of {path.name} were taken;"
            f" --weights-key {others[0].label} takes the averaged ones"
        )


def notes_of_parts(path: Path, fit: Fit, name: str, grey: bool) -> Iterator[str]:
    """What was changed or left out of the weights."""
    if grey:
        yield f"the first layer in {path.name} takes grey images; here it sees the brightness of colours"
    if fit.aside:
        yield f"left out of {path.name}, being no layers of {name}: {listed(fit.aside)}"


def notes_of_classifier(path: Path, fit: Fit, absent: Sequence[str]) -> Iterator[str]:
    """Why the classifier did not come along, where entries of it are ``absent``."""
    if any(entry in fit.tensors for entry in absent):
        yield f"the classifier in {path.name} has another shape and was left out"
    elif absent:
        yield f"{path.name} has no classifier; a new one is trained anyway"


def listed(names: Sequence[str]) -> str:
    """Some of the names, and how many more."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
