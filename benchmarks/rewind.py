"""The rewind test of a fine-tuned run on the test images of a data set: the figures of docs/look.md, and the picture.

uv run python benchmarks/rewind.py RUN DATA rewind.svg
"""

import sys
from pathlib import Path

from regraft.data.find import find_images
from regraft.inspection.chapters.before_after import chapter_of
from regraft.inspection.subject import subject_of


def main(run: str, data: str, picture: str) -> None:
    """Print a line a cut, and write the chart."""
    images = find_images(data)
    test = [file for file in images.files if file.split == "test"] or list(images.files)
    chapter = chapter_of(subject_of(run), test, test)
    for line in (chapter.figures[0].caption, *chapter.notes):
        print(line)
    Path(picture).write_text(str(chapter.figures[0].picture))


if __name__ == "__main__":
    main(*sys.argv[1:])
