"""The chapter of what training changed: the rewind test, CKA, and the top images that stayed."""

import math
from collections.abc import Sequence

from regraft.data.images import ImageFile
from regraft.inspection.before_after import SEED, Change, Unmoved, change, unmoved
from regraft.inspection.chapter import Chapter, Figure
from regraft.inspection.pictures import sample
from regraft.inspection.rewind import Rewind, rewind
from regraft.inspection.subject import Subject
from regraft.runs.line_chart import OTHER, Line, draw_by_cut

KEY, TITLE = "change", "Before and after training"
MOST = 1_000  # images that go through the network once a cut
FROZEN = ("head", "early-layers")  # strategies that train no layer of the network
LEAD = (
    "What fine-tuning changed, from input to output. Rewind puts the pre-trained layers back, from the input on, and"
    " measures the accuracy again. Where it stays, the new layers were not needed."
)


def chapter_of(
    subject: Subject,
    files: Sequence[ImageFile],
    unseen: Sequence[ImageFile] = (),
    most: int = MOST,
    seed: int = SEED,
) -> Chapter:
    """What training changed on ``files``; the rewind test is measured on ``unseen``, images that trained nothing.

    Of more than ``most`` images so many are drawn by ``seed``. Of a frozen run it says that nothing moved, with the
    hashes. Labels are places in ``subject.classes``.
    """
    if subject.strategy in FROZEN:
        return chapter_of_unmoved(subject, unmoved(subject))
    asked, looked_at = ([part[row] for row in sample(len(part), most, seed)] for part in (unseen or files, files))
    measured, changed = rewind(subject, asked), change(subject, looked_at, seed=seed)
    drawn = max(len(unseen or files), len(files)) > most
    notes = (f"At most {most:,} images are used, drawn by seed {seed}.",) if drawn else ()
    figures = (
        Figure("rewind", caption_of_rewind(measured, bool(unseen)), draw_rewind(measured)),
        Figure("change", caption_of_change(changed), draw_change(changed)),
    )
    return Chapter(KEY, TITLE, LEAD, figures, (reading(measured), *by_cut(measured, changed), *notes))


def chapter_of_unmoved(subject: Subject, proof: Unmoved) -> Chapter:
    """That a frozen run's layers are as they were; or, loudly, that they are not."""
    if proof.proved:
        lead = f"Nothing moved: strategy {subject.strategy} froze every layer up to {proof.up_to}, to the last bit."
    elif proof.before or proof.recorded:
        lead = f"The layers up to {proof.up_to} are not those of the pre-trained network, though the run froze them."
    else:
        lead = (
            f"Strategy {subject.strategy} froze every layer up to {proof.up_to}, but there is no hash to prove it by."
        )
    hashes = (
        ("The run's model", proof.after),
        ("The pre-trained network, loaded anew", proof.before or "cannot be had"),
        ("The frozen layers, as the run wrote down when it was made", proof.recorded or "not written down"),
    )
    notes = ("A hash stands for every bit of all parameters and buffers.", *(f"{what}: {one}." for what, one in hashes))
    return Chapter(KEY, TITLE, lead, (), notes)


def draw_rewind(measured: Rewind) -> str:
    """Accuracy by the cut up to which layers were put back."""
    values = [measured.trained, *measured.up_to]
    intervals = [measured.interval(float(value)) for value in values]
    line = Line("layers put back up to here", [float(value) for value in values], intervals=intervals)
    says = f"Rewind test: accuracy on {measured.images:,} images with pre-trained layers put back"
    names = ("none", *measured.cuts)
    return draw_by_cut(names, [line], "accuracy", says, ("trained, nothing put back", measured.trained))


def caption_of_rewind(measured: Rewind, unseen: bool) -> str:
    """What the chart shows; whether on images that are known to have trained nothing."""
    which = " that trained nothing" if unseen else ", of which some may have trained the run"
    return (
        f"Accuracy on {measured.images:,} images{which}, with the pre-trained layers put back up to each"
        " cut (weights and batch norm's statistics). The bars are 95% intervals (Wilson); since all points are measured"
        " on the same images, a fall is surer than the bars look."
    )


def reading(measured: Rewind) -> str:
    """Which layers training really changed, in words; a fall is clear from twice its standard error on."""
    free, cuts = measured.free, measured.cuts
    all_back = f"With all layers put back and only the head kept it is {measured.up_to[-1]:.1%}"
    start = f"Accuracy {measured.trained:.1%} as trained."
    if not measured.moved.any():
        return f"{start} No layer's weights moved: the run kept those that it started from."
    if free == len(cuts):
        return f"{start} {all_back}: no fall that {measured.images:,} images can show."
    falls = f"{measured.up_to[free]:.1%} with layers back up to {cuts[free]}"
    if free == 0:
        return f"{start} It falls at once, to {falls}. {all_back}."
    unchanged = f"Layers up to {cuts[free - 1]} can go back without a clear fall ({measured.up_to[free - 1]:.1%})"
    return f"{start} {unchanged}. The first clear fall is to {falls}. {all_back}."


def draw_change(changed: Change) -> str:
    """CKA and the share of top images that stayed, by cut."""
    lines = [
        Line("similarity of all values (CKA)", [float(value) for value in changed.similarity]),
        Line(f"top {changed.top} images that stayed", [float(value) for value in changed.mean_stayed], OTHER),
    ]
    says = f"What training changed at {len(changed.cuts)} cuts, on {changed.images:,} images"
    return draw_by_cut(changed.cuts, lines, "share", says, ("stayed by chance", changed.chance))


def caption_of_change(changed: Change) -> str:
    """What the chart shows."""
    return (
        f"The pre-trained and the trained network on {changed.images:,} images. CKA: 100% where both see the same."
        f" And how many of the {changed.top} images that excite a channel most are still the same;"
        f" by chance {changed.chance:.1%} would be."
    )


def by_cut(measured: Rewind, changed: Change) -> list[str]:
    """All figures of each cut, a line each."""
    stayed = changed.mean_stayed
    lines = []
    for place, cut in enumerate(measured.cuts):
        there = [share for share in changed.stayed[place] if not math.isnan(share)]
        silent = len(changed.stayed[place]) - len(there)
        kept = f"{stayed[place]:.0%} of top images stayed" if there else "no channel to compare"
        left_out = f" ({silent} channels answer to too few images)" if silent and there else ""
        alike = changed.similarity[place]
        lines.append(
            f"{cut}: accuracy {measured.up_to[place]:.1%} rewound,"
            f" CKA {'not defined' if math.isnan(alike) else f'{alike:.3f}'}, {kept}{left_out},"
            f" parameters moved by {measured.moved[place]:.2%}."
        )
    return lines
