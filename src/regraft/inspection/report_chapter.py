"""The chapter of a run's report that shows what its layers see: four layers, and one map a class."""

from pathlib import Path

from regraft.data.images import ImageSet
from regraft.errors import BackboneError, RunError, reason_not_written
from regraft.inspection.attribution import GRAD_CAM
from regraft.inspection.chapter import Chapter
from regraft.inspection.chapters import attributions, patches
from regraft.inspection.examples import MISTAKE, examples_of
from regraft.inspection.gallery import page_from
from regraft.inspection.images import images_for
from regraft.inspection.subject import Subject, subject_of
from regraft.progress import Progress, silent

LAYERS, CHANNELS, MOST = 4, 6, 2000  # of the chapter; images that are looked at
PLACE = "<!-- what the layers see -->"  # in the report


def add_to_report(run: Path, progress: Progress = silent) -> None:
    """Show in the report of ``run`` what excites its layers, and a map of one image a class; RunError without one."""
    report = run / "report.html"
    subject = subject_of(run)
    shown = images_for(subject, None, most=MOST)
    assert shown is not None, "a run has images"
    progress("Looking at layers", 0, 2, "steps")
    images = shown.images
    cuts = patches.spread(subject, LAYERS)
    chapters = [patches.chapter_of(subject, images.files, images.classes, cuts, channels=CHANNELS)]
    progress("Looking at layers", 1, 2, "steps")
    chapters += maps_of_classes(subject, images.of(shown.unseen))
    progress("Looking at layers", 2, 2, "steps")
    try:
        page = report.read_text(encoding="utf-8")
        if PLACE not in page:
            raise RunError(f"{report} is of another version, and has no place for what the layers see; train it again")
        unfinished = report.with_suffix(".part")
        part = page_from("chapters.html", chapters=chapters, notes=shown.notes)
        unfinished.write_text(page.replace(PLACE, part, 1), encoding="utf-8", errors="backslashreplace")
        unfinished.replace(report)
    except OSError as error:
        raise RunError(f"{report} cannot be written: {reason_not_written(error)}; free space") from None


def maps_of_classes(subject: Subject, images: ImageSet) -> list[Chapter]:
    """One image a class with its map, of those answered rightly where there are any; none where no layer has places."""
    by_class = {example.truth: example for example in reversed(examples_of(subject, images)) if example.kind != MISTAKE}
    examples = [by_class[name] for name in sorted(by_class)]
    try:
        return [attributions.chapter_of(subject, examples, (GRAD_CAM,))] if examples else []
    except BackboneError:
        return []
