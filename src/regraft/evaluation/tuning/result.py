"""What ``tune`` returns: an ordinary run, and the search that led to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from regraft.evaluation.tuning.book import HEAD, Entry
from regraft.evaluation.tuning.importance import FEWEST, Importance
from regraft.evaluation.tuning.optimism import Optimism
from regraft.evaluation.tuning.outcomes import DROPPED, FAILED
from regraft.runs.run import Run
from regraft.visible import Shown

FEW_TRIALS = 20  # under which the sampler has learned little
SKIPPED = {"strategy", "cuts"}


@dataclass(frozen=True)
class Winner:
    """The trial that was kept."""

    number: int
    name: str
    kind: str
    origin: str
    accuracy: float  # on the images that judge every trial
    judged: float  # on all that judged it: heads are cross-validated on more
    images: int  # that judged it
    settings: Mapping[str, Any]  # that were searched, by name


@dataclass(frozen=True)
class Result:
    """What was searched, and what its winner is worth."""

    trials: int
    complete: int
    dropped: int
    failed: int
    waiting: int  # that there was no time for
    waiting_heads: int  # of these
    trained: int  # in this call
    sampler: str
    sampled: int  # whole networks whose settings the sampler proposed
    figure: str  # accuracy, or balanced accuracy
    winner: Winner
    first: float | None  # what trial 0 came to, on the same images
    of_train: float | None  # what train's own choice came to there
    judging: int  # images that judge every trial
    optimism: Optimism | None
    importance: tuple[Importance, ...]
    seconds: float
    left: int  # combinations of a grid that there was no time for
    not_begun: tuple[str, ...] = ()  # what no trial was begun of, and why
    notes: tuple[str, ...] = ()

    def sentences(self, test: float | None, images: int, split: str) -> Iterator[str]:
        """What it comes to, in words; ``test``: the winner's figure on ``images`` that chose nothing."""
        won, name = self.winner, self.figure
        part = {"val": "given validation"}.get(split, split)
        after = f"; on the {images:,} {part} images, looked at once, {test:.1%}" if test is not None else ""
        on = f"{won.judged:.1%} on {won.images:,} images"
        yield f"Trial {won.number} was kept: {won.name}. Validation {name} {on}{after}."
        yield from against(self)
        if self.optimism:
            one = self.optimism
            yield luck_in_words(one)
        if self.sampler == "tpe" and 0 < self.sampled < FEW_TRIALS:
            yield (
                f"TPE proposed {self.sampled} trial{'s' if self.sampled > 1 else ''}; under {FEW_TRIALS} it is about as"
                " good as random."
            )
        if self.left:
            yield f"The grid is not whole: {self.left:,} combinations were left. Go on with --resume."
        elif self.waiting:
            kinds = {"head": self.waiting_heads, "network": self.waiting - self.waiting_heads}
            said = [f"{some:,} {kind}{'' if some == 1 else 's'}" for kind, some in kinds.items() if some]
            was = "was" if self.waiting == 1 else "were"
            yield f"{' and '.join(said)} {was} left when the time was up. --resume goes on with them."
        yield from (f"{what}." for what in self.not_begun)
        yield from self.notes

    def on_importance(self) -> str:
        """Whether the settings' importance is known, in words."""
        if self.importance:
            return "Share of the differences among trained networks that each setting explains, with 95% intervals."
        return f"The importance of settings is left out: it takes {FEWEST} whole networks trained to their end."


def luck_in_words(one: Optimism) -> str:
    """How far the best trial's figure is to be believed."""
    if one.near == 1:
        return f"No other of the {one.trials:,} trials comes near it on the {one.images:,} images that chose."
    which = f"All {one.trials:,}" if one.near == one.trials else f"{one.near:,} of the {one.trials:,}"
    alike = f"{which} trials that ran to their end are alike within chance on the {one.images:,} images that chose."
    if one.corrected + one.expected >= 1:
        return f"{alike} The best has all of them right, so they cannot say how lucky it is."
    best, luck = one.corrected + one.expected, f"about {100 * one.expected:.1f} points too high"
    return f"{alike} The best figure among them, {best:.1%}, is {luck}: expect {one.corrected:.1%}."


def against(search: Result) -> Iterator[str]:
    """The winner beside the plan's and train's own choice."""
    won, first, own = search.winner, search.first, search.of_train
    if first is not None and won.number:
        where = f"on the {search.judging:,} images that judge every trial (the winner: {won.accuracy:.1%})"
        yield f"Trial 0, the plan's own, came to {first:.1%} {where}."
    if own is not None and own not in (first, won.accuracy):
        yield f"What train itself would have kept came to {own:.1%} there."


@dataclass(frozen=True, repr=False)
class Tuned(Shown):
    """A search, and its run; ``run`` and ``search`` are None where another process writes them."""

    folder: Path
    run: Run | None
    search: Result | None

    @property
    def journal(self) -> Path:
        """Optuna's journal, for its dashboard and ``optuna.load_study``."""
        return self.folder / "journal.log"

    def in_lines(self) -> Iterator[str]:
        """What was kept, and what it is worth."""
        if self.run is None or self.search is None:
            yield f"Another process is still searching and writes {self.folder}"
            return
        metrics = self.run.metrics
        yield from self.search.sentences(figure_of(self.run, self.search.figure), metrics.images, metrics.split)
        yield from self.run.in_lines()

    def as_dict(self) -> dict[str, Any]:
        """What ``tune --json`` prints."""
        return {
            "folder": str(self.folder),
            "journal": str(self.journal),
            "run": self.run.as_dict() if self.run else None,
            "search": result_as_dict(self.search, self.run) if self.search else None,
        }


def figure_of(run: Run, figure: str) -> float:
    """A run's figure on the images that it is reported on."""
    return run.metrics.balanced_accuracy if figure.startswith("balanced") else run.metrics.accuracy


def result_as_dict(search: Result, run: Run | None) -> dict[str, Any]:
    """Plain data for JSON, with the sentences."""
    test = figure_of(run, search.figure) if run else None
    images, split = (run.metrics.images, run.metrics.split) if run else (0, "")
    return asdict(search) | {"sentences": list(search.sentences(test, images, split))}


def rows_of(entries: Sequence[Entry], winner: int | None) -> list[dict[str, Any]]:
    """A row for each trial, for trials.csv: what it was, what it came to, and every setting that differs somewhere."""
    flat = [entry.recipe.flat() for entry in entries]
    names = [name for name in flat[0] if name not in SKIPPED and len({str(one[name]) for one in flat}) > 1]
    rows = []
    for entry, settings in zip(entries, flat, strict=True):
        figures = entry.outcome.figures if entry.outcome else None
        row: dict[str, Any] = {
            "trial": entry.number,
            "kept": "yes" if entry.number == winner else "",
            "kind": entry.kind,
            "from": entry.origin,
            "name": entry.name,
            "state": figures.state if figures else entry.state.name.lower(),
            "validation": rounded(figures.shared if figures else None),
            "all_judged": rounded(figures.accuracy if figures else None),
            "images": len(entry.outcome.rows) if entry.outcome else "",
            "loss": rounded(figures.loss if figures else None),
            "trained_epochs": figures.epochs if figures else "",
            "seconds": round(figures.seconds, 2) if figures else "",
            "note": figures.note if figures else "",
            "strategy": entry.recipe.planning.strategy,
            "cuts": " + ".join(entry.recipe.planning.cuts or filter(None, [entry.recipe.planning.cut])),
        }
        rows.append(row | {name: "" if settings[name] is None else settings[name] for name in names if name != "cut"})
    return rows


def rounded(value: float | None) -> float | str:
    """A figure in a table; nothing where there is none."""
    return "" if value is None else round(value, 6)


def counts_of(entries: Sequence[Entry]) -> dict[str, int]:
    """How many trials there are, and how they ended."""
    states = [entry.outcome.figures.state for entry in entries if entry.outcome]
    ended = {"dropped": states.count(DROPPED), "failed": states.count(FAILED)}
    waiting = sum(entry.outcome is None for entry in entries)
    complete = sum(entry.complete for entry in entries)
    heads = sum(entry.outcome is None for entry in entries if entry.kind == HEAD)
    return {"trials": len(entries), "complete": complete, "waiting": waiting, "waiting_heads": heads, **ended}
