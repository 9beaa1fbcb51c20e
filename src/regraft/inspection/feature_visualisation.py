"""Pictures that excite a channel, a cut or a class most, made by following the gradient (Erhan et al. 2009).

They are illustrations: natural images tell people more of what a channel answers to (arXiv 2010.12606).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import torch
from torch import Tensor, fx

from regraft.errors import BackboneError
from regraft.inspection.image_statistics import ImageStatistics, usual
from regraft.inspection.parametrisation import FOURIER, Parametrisation, parametrisation
from regraft.inspection.redirected import redirected
from regraft.inspection.subject import Subject, maps_of
from regraft.inspection.transformations import Transformations
from regraft.network.cuts import Cut

STEPS = 64
STARTS = 8  # random pictures, of which each target takes the one that excites it most
TOGETHER = 4  # pictures that are made at a time
ALIKE = 1e-6  # values that differ less, relatively, are the same


@dataclass(frozen=True)
class Target:
    """What a picture is to excite."""

    cut: Cut | None = None  # None: the network's answer
    unit: int | None = None  # a channel at the cut, or a class; None: all of the cut

    def of(self, values: Tensor) -> Tensor:
        """Values where the target lies (n, ...) -> what is to be maximised, for each image (n,)."""
        if self.cut is None:
            return values[:, self.unit]
        maps = maps_of(values, self.cut)
        if self.unit is None:
            return maps.square().mean(dim=(1, 2, 3))
        return maps[:, self.unit].mean(dim=(1, 2))

    def peak(self, values: Tensor) -> Tensor:
        """The same, but of a channel its largest value at one place (n,): by that natural patches are ranked."""
        if self.cut is None or self.unit is None:
            return self.of(values)
        return maps_of(values, self.cut)[:, self.unit].amax(dim=(1, 2))


@dataclass(frozen=True)
class Visualisation:
    """A made picture, and what the network sees in it."""

    target: Target
    parametrisation: str
    picture: np.ndarray | None  # (size, size, 3) uint8; None where nothing excites the target
    activation: float  # of the picture: a channel's mean over places, a cut's mean square, a class's logit
    peak: float  # of a channel the largest value at one place, else as ``activation``
    start: float  # ``activation`` of the random picture that it was made from
    curve: np.ndarray  # (steps,) ``activation`` of the changed picture at each step
    note: str | None = None  # why there is no picture


def visualise(
    subject: Subject,
    targets: Sequence[Target],
    name: str = FOURIER,
    statistics: ImageStatistics | None = None,
    steps: int = STEPS,
    seed: int = 0,
    transformations: Transformations | None = None,
) -> tuple[Visualisation, ...]:
    """A picture for each target. ``statistics``: of the user's images (None: of photographs in general).

    All targets start from the same random pictures and are changed alike, so none depends on its companions.
    """
    statistics = statistics or usual(subject.preprocessing.size)
    way = parametrisation(name, statistics)
    made: dict[Target, Visualisation] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for cut in dict.fromkeys(target.cut for target in targets):
            network = network_up_to(subject, cut)
            alike = [target for target in dict.fromkeys(targets) if target.cut == cut]
            for first in range(0, len(alike), TOGETHER):
                maker = Maker(subject, network, way, transformations or Transformations(), steps, seed)
                made |= {one.target: one for one in maker.made(alike[first : first + TOGETHER])}
    return tuple(made[target] for target in targets)


@dataclass(frozen=True)
class Maker:
    """Makes pictures for targets that lie at one place of the network."""

    subject: Subject
    network: fx.GraphModule  # images (n, 3, size, size) -> values where the targets lie
    way: Parametrisation
    transformations: Transformations
    steps: int
    seed: int

    def made(self, targets: Sequence[Target]) -> list[Visualisation]:
        """A picture for each of a few targets."""
        generator = torch.Generator().manual_seed(self.seed)
        starts = self.way.start(STARTS, generator)
        with torch.no_grad():
            values = self.network(standardised(self.subject, self.way.pictures(starts)))
        refuse_missing(targets, values)
        at_start = torch.stack([target.of(values) for target in targets])
        best = at_start.argmax(dim=1)
        numbers, curve = self.climbed(targets, starts[best], generator)
        with torch.no_grad():
            pictures = self.way.pictures(numbers).permute(0, 2, 3, 1)
            pixels = (255 * pictures).round().to(torch.uint8)
            after = self.network(self.subject.input_of(pixels))
        made = []
        for place, target in enumerate(targets):
            silent = never_fires(target, torch.cat([values, after[place : place + 1]]))
            made.append(
                Visualisation(
                    target,
                    self.way.name,
                    None if silent else pixels[place].numpy(),
                    float(target.of(after)[place]),
                    float(target.peak(after)[place]),
                    float(at_start[place].max()),
                    curve[:, place],
                    "no picture: nothing that was tried makes it fire" if silent else None,
                )
            )
        return made

    def climbed(
        self, targets: Sequence[Target], numbers: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, np.ndarray]:
        """Numbers after all steps, and what each step saw of each target (steps, targets)."""
        numbers = numbers.clone().requires_grad_()
        optimiser = torch.optim.Adam([numbers], self.way.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.steps)
        awake, curve = redirected(self.network), []
        for _ in range(self.steps):
            changed = self.transformations.apply(self.way.pictures(numbers), generator)
            values = awake(standardised(self.subject, changed))
            reached = torch.stack([target.of(values)[place] for place, target in enumerate(targets)])
            optimiser.zero_grad()
            (-reached.sum()).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            curve.append(reached.detach().numpy())
        return numbers.detach(), np.array(curve)


def standardised(subject: Subject, pictures: Tensor) -> Tensor:
    """Pictures (n, 3, size, size) in 0..1 -> the network's input."""
    preprocessing = subject.preprocessing
    mean, std = (torch.tensor(values)[:, None, None] for values in (preprocessing.mean, preprocessing.std))
    return ((pictures - mean) / std).contiguous(memory_format=torch.channels_last)  # half the time of pooling


def refuse_missing(targets: Sequence[Target], logits: Tensor) -> None:
    """BackboneError for a class that has no logit; names of classes are checked before."""
    for target in targets:
        if target.cut is None and (target.unit or 0) >= logits.shape[1]:
            raise BackboneError(
                f"no class {target.unit}: this network answers with {logits.shape[1]} values, from 0 on"
            )


def never_fires(target: Target, values: Tensor) -> bool:
    """Whether a channel has one value at all places of all pictures."""
    if target.cut is None or target.unit is None:
        return False
    channel = maps_of(values, target.cut)[:, target.unit]
    return float(channel.max() - channel.min()) <= ALIKE * max(1e-12, float(channel.abs().max()))


def network_up_to(subject: Subject, cut: Cut | None) -> fx.GraphModule:
    """Images -> the value at ``cut`` (None: the logits); what comes after is gone."""
    network = subject.tapped((cut,) if cut else ())
    end = next(node for node in network.graph.nodes if node.op == "output")
    end.args = (end.args[0][0],)
    network.graph.eliminate_dead_code()
    network.recompile()
    return network


def target_of(subject: Subject, cut: str, channel: int | None = None) -> Target:
    """A cut by its name, or a channel there; BackboneError where there is none."""
    place = subject.cut_of(cut)
    if channel is not None and not 0 <= channel < place.channels:
        raise BackboneError(f"no channel {channel} at {place.name}: it has 0 to {place.channels - 1}")
    return Target(place, channel)


def class_of(subject: Subject, name: str | int) -> Target:
    """A class by its name or place; BackboneError where there is none."""
    count = len(subject.classes)
    if isinstance(name, int):
        if name < 0 or (count and name >= count):
            raise BackboneError(f"no class {name}: {subject.name} has 0 to {count - 1}")
        return Target(None, name)
    if name not in subject.classes:
        near = ", ".join(get_close_matches(name, subject.classes)) or ", ".join(subject.classes[:5])
        raise BackboneError(f"no class '{name}' in {subject.name}; near: {near or 'it has no names, give numbers'}")
    return Target(None, subject.classes.index(name))
