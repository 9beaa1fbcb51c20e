"""What must be said beside the figures of a test, because they deceive or say little without it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from regraft.metrics import Metrics, worst_of

FEW = 5  # images of a class under which its own figures say little
NAMED = 3  # classes that a sentence names


@dataclass(frozen=True)
class Remark:
    """A sentence on the figures."""

    kind: str
    text: str
    first: bool = False  # whether it is said before them


def remarks_on(metrics: Metrics, largest: float | None = None, weighed: bool | None = None) -> tuple[Remark, ...]:
    """The remarks, those that come first before the others.

    ``largest``: accuracy of always naming the largest class; by default the largest of the images judged.
    ``weighed``: after a training, whether it weighed the classes.
    """
    largest = metrics.largest_class if largest is None else largest
    said = (
        *never_found(metrics, weighed),
        *against_largest(metrics, largest),
        *too_few(metrics),
        *worst_slice(metrics),
    )
    return tuple(sorted(said, key=lambda remark: not remark.first))


def never_found(metrics: Metrics, weighed: bool | None) -> Iterator[Remark]:
    """Classes that are there and never predicted, or often there and never rightly."""
    predicted, right = metrics.confusion.sum(axis=0), metrics.confusion.diagonal()
    rows = list(zip(metrics.per_class, predicted, right, strict=True))
    lost = [row.name for row, named, hits in rows if row.images and (not named or (row.images >= FEW and not hits))]
    if not lost:
        return
    answers = [row.name for row, named, _ in rows if named]
    them = "it" if len(lost) == 1 else "them"
    taken = f"every image is taken for '{answers[0]}'"
    if len(answers) > 1:
        taken = f"all images of {them} are taken for others"
    mend = {None: "", True: f" Bring more images of {them}."}
    weigh = f" Bring more images of {them}, or try --class-weights auto."
    text = f"{counted(lost, metrics)} never found: {taken}.{mend.get(weighed, weigh)}"
    yield Remark("never found", text, first=True)


def against_largest(metrics: Metrics, largest: float) -> Iterator[Remark]:
    """Whether the accuracy is more than the largest class alone gives, and tells what the balanced accuracy tells.

    Where classes are uneven the figures themselves are said beside it, the balanced accuracy first.
    """
    if metrics.chance == 1:
        return
    low, high = metrics.intervals["balanced_accuracy"]
    naming = "better than always naming the largest class"
    if metrics.accuracy <= largest:
        kind, text = (
            "no better than the largest class",
            f"Accuracy {metrics.accuracy:.1%} is no {naming} ({largest:.1%})",
        )
        if not metrics.uneven:
            balanced = f"balanced accuracy is {metrics.balanced_accuracy:.1%}, by chance {metrics.chance:.1%}"
            yield Remark(kind, f"{text}; {balanced}.", first=True)
        elif low > metrics.chance:
            yield Remark(kind, f"Accuracy tells another story: it is no {naming}.")
        elif metrics.balanced_accuracy > metrics.chance:
            yield Remark(kind, "Neither accuracy is surely better than what always naming one class gives.")
        else:
            yield Remark(kind, "The classes are told apart no better than by chance.", first=True)
    elif metrics.intervals["accuracy"][0] <= largest:
        said = "" if metrics.uneven else f" ({largest:.1%})"
        yield Remark("hardly better than the largest class", f"The accuracy is not surely {naming}{said}.")
    if largest < metrics.accuracy and metrics.uneven and metrics.intervals["accuracy"][0] > high:
        yield Remark("accuracy flatters", "Accuracy tells another story: most of it comes from the largest classes.")


def too_few(metrics: Metrics) -> Iterator[Remark]:
    """Classes that are not tested at all, or on very few images."""
    images = "image" if metrics.split == "all" else f"{metrics.split} image"
    tested = [row.name for row in metrics.per_class if row.images]
    absent = [row.name for row in metrics.per_class if not row.images]
    few = [row for row in metrics.per_class if 0 < row.images < FEW]
    if absent:
        rest = f"the figures are of '{tested[0]}' alone" if len(tested) == 1 else "the figures say nothing of it"
        one = f"No {images} of '{absent[0]}': {rest}."
        many = f"{share(absent, metrics)} have no {images}: {listed(absent)}."
        yield Remark("not tested", one if len(absent) == 1 else many, first=True)
    if few:
        named = listed([f"'{row.name}' ({row.images})" for row in few], quoted=True)
        text = f"Under {FEW} {images}s of {named}: their own figures say little."
        yield Remark("few images", text)


def worst_slice(metrics: Metrics) -> Iterator[Remark]:
    """The slice of the images that is surely worse than the rest, the worst one."""
    if worst := worst_of(metrics.slices):
        low = f"{-100 * worst.difference:.1f} points below the rest"
        where = f"{worst.kind} {worst.name}" if worst.kind != "folder" else f"folder '{worst.name}'"
        text = f"Accuracy is {worst.accuracy:.1%} on the {worst.images:,} images of {where}: {low}."
        yield Remark("worse slice", text)


def counted(names: Sequence[str], metrics: Metrics) -> str:
    """'a' is; or: 2 of 5 classes ('a', 'b') are."""
    return f"'{names[0]}' is" if len(names) == 1 else f"{share(names, metrics)} ({listed(names)}) are"


def share(names: Sequence[str], metrics: Metrics) -> str:
    """How many of the classes."""
    return f"{len(names):,} of {len(metrics.per_class):,} classes"


def listed(names: Sequence[str], quoted: bool = False) -> str:
    """The first of them, and how many more."""
    shown = ", ".join(name if quoted else f"'{name}'" for name in names[:NAMED])
    return shown + (f" and {len(names) - NAMED:,} more" if len(names) > NAMED else "")
