"""A run as files for other programs: written, proved, and only then given their place."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from dataclasses import replace as with_fields
from os import PathLike
from pathlib import Path
from typing import Any

from regraft.data.rendering import PLAIN
from regraft.errors import RegraftError, RunError, disk_is_full, reason_not_written, reason_of
from regraft.evaluation.classifier import Classifier, load
from regraft.evaluation.export.int8 import MOST_LOSS, Int8, check_can
from regraft.evaluation.export.int8 import make as make_int8
from regraft.evaluation.export.proof import Proof, prove, write_golden
from regraft.evaluation.export.proof_images import Example, examples_of, source_of
from regraft.network.export.format import Format
from regraft.network.export.formats import formats_named
from regraft.network.export.int8 import NAME as INT8
from regraft.network.export.outside import PREPROCESS, Outside, write_check
from regraft.network.saved import load as load_network
from regraft.progress.shown import ShowProgress, shown
from regraft.runs.card import CARD, card
from regraft.runs.claim import Held, hold, release
from regraft.runs.run import Run
from regraft.runs.writing import empty, replace
from regraft.visible import Shown

EXPORT = "export"  # the folder in a run's


@dataclass(frozen=True)
class Exported:
    """One format."""

    format: str
    folder: Path
    file: Path  # that other programs run
    proof: Proof
    note: str  # what who runs it must know; mostly empty


@dataclass(frozen=True, repr=False)
class Exports(Shown):
    """What ``export`` wrote."""

    run: Path
    part: str  # of the run's images, that it was proved with
    files: tuple[Exported, ...]
    int8: Int8 | None = None

    def in_lines(self) -> Iterator[str]:
        """Each file, and how it was proved."""
        for one in self.files:
            apart = f"probabilities at most {one.proof.largest_difference:.0e} apart"
            yield f"{one.format}: {one.file}, {one.proof.images:,} images agree, {apart}"
        yield from self.int8.in_lines() if self.int8 else ()

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        files = [asdict(one) | {"folder": str(one.folder), "file": str(one.file)} for one in self.files]
        small = self.int8.as_dict() | {"lines": list(self.int8.in_lines())} if self.int8 else None
        return {"run": str(self.run), "proved_with": self.part, "exports": files, "int8": small}


def export(
    run: str | PathLike[str] | Run,
    to: str | Sequence[str] = ("openvino",),
    out: str | PathLike[str] | None = None,
    overwrite: bool = False,
    data: str | PathLike[str] | None = None,
    progress: ShowProgress = True,
    int8: bool = False,
    most_loss: float = MOST_LOSS,
) -> Exports:
    """Write a run in other programs' formats, each into its own folder in ``out`` (RUN/export by default).

    Every file is proved before it gets its place: image files go through the code and the file that were written, by
    its own runtime, and the classes and probabilities must be the run's. ``data``: images for that, where the run's own
    are gone. RunError where something differs, and then nothing is written. ``int8``: OpenVINO in 8 bits too, unless
    that loses over ``most_loss`` points of accuracy on the run's held-out images.
    """
    forms = formats_named(to)
    if int8:
        check_can(forms, most_loss)
    names = [form.name for form in forms] + [INT8] * int8
    classifier = load(run.folder if isinstance(run, Run) else run, "cpu")
    assert classifier.folder and classifier.saved, "it was loaded from a folder"
    folder, saved = classifier.folder, classifier.saved
    target = folder / EXPORT if out is None else Path(out)
    target = target if target.name not in {"", ".."} and not target.is_symlink() else target.resolve()
    check_free(target, names, overwrite)
    outside = outside_of(classifier)
    text = card(folder) if any(form.with_card for form in forms) else ""
    with place_for(target) as place, shown(progress) as shows:
        source = source_of(folder, data)
        examples = examples_of(classifier, source, shows)
        proofs = []
        for form in forms:
            shows(f"Writing {form.name}", 0, 1)
            write(form, place / form.name, outside, saved.folder, examples, text)
            shows(f"Writing {form.name}", 1, 1)
            proofs.append(prove(form, place / form.name, examples, shows))
        made = make_int8(folder, place, classifier.classes, most_loss, shows) if int8 else None
        target.mkdir(parents=True, exist_ok=True)
        check_free(target, names, overwrite)  # something may have come to lie there
        for name in names:
            if (place / name).exists():
                replace(place / name, target / name)
            else:  # 8 bits lose too much; an earlier file that did not is another run's
                shutil.rmtree(target / name, ignore_errors=True)
    places = {form.name: target / form.name for form in forms}
    files = (
        Exported(form.name, places[form.name], form.file_in(places[form.name]), proof, form.note)
        for form, proof in zip(forms, proofs, strict=True)
    )
    if made and made.folder:
        made = with_fields(made, folder=target / INT8)
    return Exports(folder, source.part, tuple(files), made)


def check_free(target: Path, names: Sequence[str], overwrite: bool) -> None:
    """Raise RunError where an export would take something away that was not given up."""
    if target.exists() and not target.is_dir():
        raise RunError(f"{target} is a file; name a folder with --out")
    for folder in (target / name for name in names):
        if not folder.exists():
            continue
        if not overwrite:
            raise RunError(f"{folder} exists already; name another --out, or replace it with --overwrite")
        if not folder.is_dir() or (any(folder.iterdir()) and not (folder / PREPROCESS).exists()):
            raise RunError(f"{folder} is no export, and one there would delete something else; name another --out")


def outside_of(classifier: Classifier) -> Outside:
    """What the files' users do outside the graph; RunError where Pillow alone cannot do it."""
    rendering = classifier.rendering or PLAIN
    if rendering.bands or rendering.three_of_four or any(not one.usual for one in rendering.ranges):
        how = "; ".join(rendering.in_words())
        raise RunError(
            f"this run reads its images in a way that Pillow alone does not ({how}), so no export would give its"
            " answers; use it with `regraft predict`, or train on images of 8 bits"
        )
    return Outside(classifier.classes, classifier.preprocessing, rendering.background)


@contextmanager
def place_for(target: Path) -> Iterator[Path]:
    """A folder beside ``target`` for this process alone, gone in the end; RunError where nothing can be written."""
    missing = [parent for parent in (target, *target.absolute().parents) if not parent.exists()]
    place = target.with_name(f".{target.name}.exporting")  # none that a training left checkpoints in
    try:
        lock = hold(place)
        try:
            empty(place, but=None)
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
            release(lock)
    except Held:
        raise RunError(f"another export is writing {target}; let it finish, or name another --out") from None
    except RegraftError:
        raise
    except Exception as error:  # the formats' libraries have errors of their own for a full disk
        if not isinstance(error, OSError) and not disk_is_full(error):
            raise
        why = reason_not_written(error)
        raise RunError(f"{target} cannot be written: {why}; free space or name another --out") from None
    finally:
        for parent in missing:
            with suppress(OSError):  # something lies in it
                parent.rmdir()


def write(form: Format, folder: Path, outside: Outside, model: Path, examples: Sequence[Example], text: str) -> None:
    """One format, with the code beside it, its check and its golden images; ``text``: the model card."""
    folder.mkdir()
    try:
        form.write(load_network(model), folder, outside.metadata())
    except (RegraftError, OSError, MemoryError):
        raise
    except Exception as error:  # the exporters share no kind of error
        if disk_is_full(error):
            raise
        raise RunError(
            f"this network cannot be exported to {form.name}: {reason_of(error)[:200]}; choose another format with --to"
        ) from None
    outside.write(folder)
    if form.with_card:
        (folder / CARD).write_text(text, encoding="utf-8")
    if form.run:
        write_golden(folder, examples)
        write_check(folder, form.file_in(folder).name, ", ".join(form.needs), form.imports, form.run)
