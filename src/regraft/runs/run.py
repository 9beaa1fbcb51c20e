"""A finished run: what ``train`` returns."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

from regraft.metrics import Metrics
from regraft.planning.going_on import Continued
from regraft.planning.plan import Plan
from regraft.runs.gained import Gained
from regraft.runs.next_steps import NextStep
from regraft.runs.overlap import Overlap, groups_as_dict
from regraft.runs.remarks import Remark
from regraft.training.result import Attempt
from regraft.visible import Shown, isolated

CARD = """<div style="display:inline-block;padding:.8em 1.2em;border:1px solid #dfe4e8;border-radius:8px">
{remarks}<b>{figure:.1%}</b> {name} on {images:,} {split} images
(95% interval {low:.1%} to {high:.1%}){beside}<br>
case <b>{case}</b>, strategy <b>{strategy}</b>, {seconds:.1f} s<br>
<a href="{report}">{report}</a></div>"""
CROSS_VALIDATION = "cross-validation inside train"


@dataclass(frozen=True)
class Seconds:
    """How long a run took, in seconds."""

    total: float
    features: float  # looking at images
    training: float


@dataclass(frozen=True)
class Ruled:
    """What the case's rule alone gives, where something else was tried too."""

    strategy: str
    cuts: tuple[str, ...]
    accuracy: float  # on the images that are reported on
    kept: bool  # whether it was returned


@dataclass(frozen=True)
class Validated:
    """What the settings were chosen on."""

    accuracy: float
    by: str
    images: int = 0
    figure: str = "accuracy"  # which one, where classes count alike the balanced one


@dataclass(frozen=True, repr=False)
class Run(Shown):
    """A run folder and what is in it."""

    folder: Path
    plan: Plan
    metrics: Metrics
    baselines: Mapping[str, float]  # accuracy of the majority class and of the nearest neighbour on the same images
    remarks: tuple[Remark, ...]  # what must be said beside the figures
    validation: Validated
    near_duplicates: Overlap  # of the images reported on with those that trained or chose
    shared_groups: Overlap  # of the images reported on, those of groups that trained or chose too
    strategy: str  # that was carried out
    cuts: tuple[str, ...]  # whose features the head takes
    frozen: bool  # whether the pre-trained layers stayed as they were
    trainable_parameters: int
    frozen_parameters: int
    seconds: Seconds
    images_through_backbone: int
    left_out: int  # files that could not be used
    faults: Mapping[str, int]  # how many images of each kind
    tried: tuple[Attempt, ...]
    rule: Ruled | None  # None where a strategy was asked for
    interrupted: bool
    notes: tuple[str, ...]  # what the user should know beside the figures
    done: str = ""  # what was carried out, in words
    next_steps: tuple[NextStep, ...] = ()  # what would probably help
    continued: Continued | None = None  # what was taken from the run that it went on from
    gained: Gained | None = None  # by corrected labels, on the run that was reviewed

    @property
    def report(self) -> Path:
        """The page."""
        return self.folder / "report.html"

    def as_dict(self) -> dict[str, Any]:
        """What ``train --json`` prints."""
        as_they_are = ("strategy", "trainable_parameters", "frozen_parameters", "images_through_backbone", "left_out")
        return {
            "run": str(self.folder),
            "case": self.plan.case,
            "planned_strategy": self.plan.strategy,
            "cut": self.cuts[-1] if self.frozen else None,
            "cuts": list(self.cuts),
            **{name: getattr(self, name) for name in (*as_they_are, "interrupted")},
            "remarks": [asdict(remark) for remark in self.remarks],
            "metrics": self.metrics.summary(),
            "baselines": dict(self.baselines),
            "validation": asdict(self.validation),
            "near_duplicates": asdict(self.near_duplicates),
            "shared_groups": groups_as_dict(self.shared_groups),
            "seconds": asdict(self.seconds),
            "report": str(self.report),
            "faults": dict(self.faults),
            "tried": [asdict(attempt) for attempt in self.tried],
            "rule": asdict(self.rule) if self.rule else None,
            "continued": asdict(self.continued) if self.continued else None,
            "gained": asdict(self.gained) | {"said": self.gained.in_words} if self.gained else None,
            "done": self.done,
            "notes": list(self.notes),
            "next_steps": [asdict(step) for step in self.next_steps],
        }

    def in_lines(self) -> Iterator[str]:
        """The figure, what was done, and where the rest is."""
        yield from self.metrics.in_lines()
        done = f"strategy {self.strategy} at {' + '.join(self.cuts)}, {self.seconds.total:.1f} s"
        yield f"Case {self.plan.case}, {done}{', interrupted' if self.interrupted else ''}; {self.report}"

    def _repr_html_(self) -> str:
        """A card for notebooks."""
        metrics = self.metrics
        name, beside = "accuracy", ""
        if metrics.uneven:
            largest = self.baselines["majority_class"]
            name, beside = (
                "balanced_accuracy",
                f"<br>\nalways naming the largest class: {largest:.1%}; accuracy {metrics.accuracy:.1%}",
            )
        low, high = metrics.intervals[name]
        remarks = "".join(f"<b>{escape(isolated(remark.text))}</b><br>\n" for remark in self.remarks if remark.first)
        report = escape(isolated(str(self.report)))
        return CARD.format(
            remarks=remarks, figure=getattr(metrics, name), name=name.replace("_", " "), beside=beside,
            images=metrics.images, split=metrics.split, low=low, high=high,
            case=self.plan.case, strategy=self.strategy, seconds=self.seconds.total, report=report,
        )  # fmt: skip
