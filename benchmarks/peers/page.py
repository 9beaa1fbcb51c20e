"""Write the page: the machine, the tables, and where regraft is slower or worse."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.contenders import CONTENDERS, EMBEDDED, PEERS, SQUEEZENET
from benchmarks.peers.figures import Row, beaten, gibibytes, rows_of, seconds
from benchmarks.peers.machine import Machine
from benchmarks.peers.parts import parts_of
from benchmarks.peers.result import Result

HEADER = (
    "| | accuracy | wall time | processor time | peak memory "
    "| images forward | backward | share of peak | its training |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
MEASURED = """\
Each run is one process from its start to its end: start of Python, imports, reading, training, the test, and for
regraft its report. The contenders take turns, round by round, never two at once, and the round is the seed. The peers'
scripts and requirements are in `benchmarks/peers/`; their environments were compiled to bytecode when they were made.

- Accuracy is on the test part, or on the validation part where there is no other. "†": there the recipe picks its
  epoch on the very part that is reported, which flatters it; regraft and AutoGluon choose inside train.
- Times are of the whole process and its children. Peak memory is of the largest process; worker processes of a peer are
  not added to it.
- Images forward and backward went through the pre-trained network; "backward" is those of them whose gradient
  reached it. Lightning's count from epoch 5 to 10 although the gradient stops halfway then.
- Share of peak is the floating-point operations of those passes (two for a multiply-add, a backward pass costs two
  forward passes), by the wall time of the whole process and the machine's measured bf16 peak.
- "Its training" is what a contender counts itself, after its imports; for regraft without the pass through the
  network."""


@dataclass(frozen=True)
class Surroundings:
    """What the figures depend on."""

    machine: Machine
    peak: float  # floating-point operations a second in bf16 matrix products
    threads: int  # of PyTorch
    versions: Mapping[str, Mapping[str, str]]  # by environment
    left_out: Sequence[str]  # peers that were not asked for


def page(results: Sequence[Result], sets: Sequence[Path], about: Surroundings) -> str:
    """The whole page."""
    blocks = [
        "# Performance",
        "regraft beside other tools, on the same images, weights and machine; medians.\n"
        "`uv run python -m benchmarks.peers DATA... --weights squeezenet1_1.safetensors` makes this page.",
        f"Machine: {about.machine}; PyTorch uses {about.threads} of the cores. bf16 matrix peak, measured: "
        f"{about.peak / 1e12:.2f} TFLOP/s.",
    ]
    for data in sets:
        blocks += set_blocks(results, data, about.peak)
    blocks += ["## Where regraft is slower or worse", "\n".join(worse(results, sets))]
    missing = [*failures(results), *(f"- {name}: not asked for" for name in about.left_out)]
    if missing:
        blocks += ["## Not measured", "\n".join(missing)]
    blocks += ["## What each does", "\n".join(f"- {c.name}: {c.recipe}" for c in CONTENDERS)]
    blocks += ["## How it was measured", MEASURED, "## Versions", "\n".join(version_lines(about))]
    return "\n\n".join(blocks) + "\n"


def set_blocks(results: Sequence[Result], data: Path, peak: float) -> Iterator[str]:
    """The tables of one data set, one a network."""
    parts, rows = parts_of(data), rows_of(results, data.name)
    train, reported = (len(parts.images(part)) for part in (parts.train, parts.reported))
    yield f"## {data.name}"
    rounds = sorted({row.rounds for row in rows})
    yield (
        f"{train:,} training images of {len(parts.classes)} classes; accuracy on the {reported:,} of "
        f"`{parts.reported.name}`, where one image is {100 / reported:.2f} points. "
        f"Rounds: {' to '.join(map(str, rounds[:: max(1, len(rounds) - 1)]))}."
    )
    for network in (SQUEEZENET, EMBEDDED):
        lines = [line(row, peak, parts.test is None) for row in rows if row.contender.network == network]
        if lines:
            yield f"{network}:"
            yield "\n".join([HEADER, *lines])


def line(row: Row, peak: float, picks_on_reported: bool) -> str:
    """A row of a table."""
    cells = (
        row.contender.name,
        span(row.accuracies, "{:.3f}".format, row.accuracy) + dagger(row, picks_on_reported),
        span(row.walls, lambda value: seconds(value).removesuffix(" s"), row.wall) + " s",
        seconds(row.cpu),
        gibibytes(row.memory),
        f"{row.forward:,.0f}",
        f"{row.backward:,.0f}",
        f"{100 * row.rate / peak:.1f}%",
        seconds(row.training),
    )
    return f"| {' | '.join(cells)} |"


def span(ends: tuple[float, float], text: object, middle: float) -> str:
    """A median, with the least and the most where they differ."""
    least, most = (text(end) for end in ends)
    return text(middle) if least == most else f"{text(middle)} ({least} to {most})"


def dagger(row: Row, picks_on_reported: bool) -> str:
    """The mark of a recipe that picks its epoch on what is reported."""
    return "†" if picks_on_reported and row.contender.picks_epoch else ""


def worse(results: Sequence[Result], sets: Sequence[Path]) -> Iterator[str]:
    """A line for each figure in which a peer that starts from the same network is better."""
    lines = []
    for data in sets:
        picks = parts_of(data).test is None
        for ours, measure, peers in beaten(rows_of(results, data.name)):
            theirs = "; ".join(
                f"{measure.text(measure.of(row))}{dagger(row, picks) if measure.name == 'accuracy' else ''} "
                f"{row.contender.name}" for row in peers
            )  # fmt: skip
            own = f"{measure.name} {measure.text(measure.of(ours))}"
            lines.append(f"- {data.name}, {ours.contender.name}: {own}, against {theirs}")
    yield from lines or ["In no figure of these tables."]


def failures(results: Sequence[Result]) -> Iterator[str]:
    """A line for each contender that gave nothing on a set, with the reason, once."""
    lines = [f"- {r.contender} on {r.data}: {r.failure}" for r in results if r.failure]
    yield from dict.fromkeys(lines)


def version_lines(about: Surroundings) -> Iterator[str]:
    """One line an environment."""
    for name in ("regraft", *PEERS):
        if name in about.versions:
            yield f"- {name}: {', '.join(f'{key} {value}' for key, value in about.versions[name].items())}"
