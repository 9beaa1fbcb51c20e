"""Trains on folders and makes docs/gallery.md: what regraft decided on each, why, and the top of its report.

python -m benchmarks.gallery 'Photographs: ants and bees=sets/ants' 'X-rays: the chest=sets/chest' ...

Each argument is a title and a folder. Chromium takes the pictures (--browser). They show charts alone,
and none of a set's images.
"""

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

import regraft

DOCS = Path(__file__).parent.parent / "docs"
WIDTH, HEIGHT = 900, 960  # of the report that is shown, in pixels
MOST_BYTES = 150_000
HEAD = """# Gallery

Five kinds of data, as they come. Each was trained with one command and the network inside regraft,
on two cores without a GPU:

    regraft train FOLDER --fast --image-size 128

The pictures are the tops of the reports, charts alone. `python -m benchmarks.gallery` makes this page.
"""


def photograph(report: Path, picture: Path, browser: str) -> None:
    """The report's top as a PNG of few colours."""
    options = "--headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-background-networking"
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, *options.split(), f"--user-data-dir={profile}", f"--window-size={WIDTH},{HEIGHT}"]
        subprocess.run(
            [*command, f"--screenshot={picture}", report.resolve().as_uri()], check=True, capture_output=True
        )
    with Image.open(picture) as image:
        image.convert("RGB").quantize(64).save(picture, optimize=True)
    if picture.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{picture} takes {picture.stat().st_size:,} bytes")


def sentences(run: regraft.Run) -> str:
    """What was decided and why, what did best, and what it is worth."""
    score, metrics = run.plan.similarity.score, run.metrics
    name = "balanced_accuracy" if metrics.uneven else "accuracy"
    low, high = metrics.intervals[name]
    layers = f"{len(run.cuts)} layers (`{run.cuts[0]}` to `{run.cuts[-1]}`)" if run.cuts[1:] else f"`{run.cuts[0]}`"
    kind = "test" if metrics.split == "test" else "validation"
    parts = [
        f"{run.plan.size.images:,} training images; "
        f"similarity {score.value:.2f} ({score.low:.2f} to {score.high:.2f}).",
        run.plan.headline,
        f"What held-out images chose: a head on {layers}, with {run.trainable_parameters:,} weights.",
        f"**{name.replace('_', ' ').capitalize()} {getattr(metrics, name):.1%}** on {metrics.images:,} {kind} images "
        f"({low:.1%} to {high:.1%}).",
    ]
    if run.rule and not run.rule.kept:
        points = 100 * (metrics.accuracy - run.rule.accuracy)
        gain = (
            f"{abs(points):.1f} points {'more' if points > 0 else 'less'} than" if abs(points) >= 0.05 else "as much as"
        )
        parts.append(f"In accuracy that is {gain} the rule alone ({run.rule.strategy} at `{run.rule.cuts[-1]}`).")
    return "\n".join(parts)


def main() -> None:
    """Train, take the pictures, write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="+", metavar="TITLE=FOLDER")
    parser.add_argument("--browser", default="chromium")
    arguments = parser.parse_args()
    page = HEAD
    for title, folder in (one.rsplit("=", 1) for one in arguments.sets):
        name = re.sub(r"\W+", "-", title.split(":")[0].lower()).strip("-")
        with tempfile.TemporaryDirectory() as runs:
            run = regraft.train(
                folder, regraft.Recipe(fast=True, image_size=128), out=Path(runs) / title.split(": ")[-1]
            )
            photograph(run.report, DOCS / "pictures" / f"gallery-{name}.png", arguments.browser)
            page += f"\n## {title}\n\n{sentences(run)}\n\n![The report's top, {title}](pictures/gallery-{name}.png)\n"
    (DOCS / "gallery.md").write_text(page)


if __name__ == "__main__":
    main()
