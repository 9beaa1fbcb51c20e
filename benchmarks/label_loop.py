"""The label loop with planted labels: how many are found, and what retraining brings.

    python -m benchmarks.label_loop DATA [--flips 20] [--seeds 5] [--page]

DATA is a folder of train/ and val/ or test/ folders of classes. For each seed, that many training labels are
changed, a head is trained, and somebody who knows the true labels goes through `review` in its order: what is wrong is
corrected, the rest is kept. After 30 and after 60 images the head is trained again. With --page the person presses keys
in Chromium, on the page of `regraft review`.
"""

import argparse
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import regraft
from benchmarks.peers.machine import this_machine
from regraft.evaluation.review.review import Review, review
from regraft.recipe import Recipe, read_recipe

CHROMIUM = "/usr/bin/chromium"
QUIETLY = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
RECIPE = Recipe(fast=True)
STOPS = (30, 60)


def main() -> None:
    """Print a line a seed, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--flips", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--page", action="store_true")
    asked = parser.parse_args()
    print(this_machine())
    with tempfile.TemporaryDirectory() as folder:
        clean = regraft.train(asked.data, RECIPE, Path(folder) / "clean", progress=False)
        images = f"{clean.metrics.images} {clean.metrics.split} images"
        print(f"Accuracy with the labels as they are: {clean.metrics.accuracy:.1%} on {images}")
        rows = [loop(asked.data, asked.flips, seed, Path(folder), asked.page) for seed in range(asked.seeds)]
        mean = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        print(f"mean    {in_words(mean, asked.flips)}")


def loop(data: Path, flips: int, seed: int, folder: Path, page: bool) -> dict[str, float]:
    """Plant, train, review, train again."""
    place = folder / f"data-{seed}"
    shutil.copytree(data, place, copy_function=linked)
    truth = plant(place, flips, seed)
    run, seconds = timed(lambda: regraft.train(place, RECIPE, folder / f"run-{seed}", progress=False))
    row = {"train seconds": seconds, "before": run.metrics.accuracy}
    made, row["review seconds"] = timed(lambda: review(run.folder, progress=False))
    wrong = [truth.get(item.path, item.label) != item.label for item in made.items]
    with pressing(made) if page else writing(made) as decide:
        seen = 0
        for stop in STOPS:
            for place_in_list in range(seen, min(stop, len(made.items))):
                item = made.items[place_in_list]
                decide(place_in_list, truth.get(item.path, item.label))
            seen = min(stop, len(made.items))
            out = folder / f"again-{seed}-{stop}"
            recipe = read_recipe(run.folder / "recipe.json").but(corrections=made.decisions.path)
            again, seconds = timed(lambda recipe=recipe, out=out: regraft.train(place, recipe, out, progress=False))
            assert again.images_through_backbone == 0, "features are kept"
            row |= {f"found {stop}": sum(wrong[:stop]), f"shown {stop}": seen, f"after {stop}": again.metrics.accuracy}
            row["retrain seconds"] = seconds
    print(f"seed {seed}  {in_words(row, flips)}")
    return row


def plant(place: Path, flips: int, seed: int) -> dict[str, str]:
    """Put that many training images into another class's folder; the true label of each, by its new path."""
    train = place / "train"
    classes = sorted(folder.name for folder in train.iterdir() if folder.is_dir())
    names = sorted(path.relative_to(train) for path in train.rglob("*") if path.is_file() and path.name[0] != ".")
    draw, truth = random.Random(seed), {}
    for name in draw.sample(names, flips):
        own = name.parts[0]
        other = draw.choice([label for label in classes if label != own])
        (train / name).rename(train / other / f"{own}-{name.name}")
        truth[f"train/{other}/{own}-{name.name}"] = own
    return truth


def linked(source: str, target: str) -> str:
    """A link to the file, or a copy on another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


@contextmanager
def writing(made: Review) -> Iterator[object]:
    """Decide as the page's server does."""

    def decide(place: int, label: str) -> None:
        item = made.items[place]
        made.decisions.decide(item, "keep" if label == item.label else "relabel", label)

    yield decide


@contextmanager
def pressing(made: Review) -> Iterator[object]:
    """Decide by keys on the page itself."""
    import threading

    import uvicorn
    from playwright.sync_api import sync_playwright

    from regraft.server.app import create_app
    from regraft.server.serve import bound
    from regraft.server.settings import Settings

    app = create_app(Settings(runs=(made.run,), port=0))
    name = made.run.resolve().name
    app.state.reviews.by_name[name] = made
    listening = bound("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=QUIETLY)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{listening.getsockname()[1]}/review/{name}")

        def decide(place: int, label: str) -> None:
            item, all_of_them = made.items[place], len(made.items)
            page.get_by_text(f"{place + 1} of {all_of_them}; {place} decided.", exact=True).wait_for(timeout=20_000)
            assert item.path in page.text_content("#path")
            if label in {item.label, item.suggested}:
                page.keyboard.press("k" if label == item.label else "s")
            else:
                page.keyboard.press("/")
                page.keyboard.type(label)
                page.keyboard.press("Enter")
            page.get_by_text(f"; {place + 1} decided.").wait_for(timeout=20_000)

        yield decide
        browser.close()
    server.should_exit = True
    thread.join()


def timed(work: object) -> tuple[object, float]:
    """What it gives, and the seconds that it takes."""
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def in_words(row: Mapping[str, float], flips: int) -> str:
    """A line of figures."""
    found = ", ".join(f"{row[f'found {stop}']:.1f} of {flips} in {row[f'shown {stop}']:.0f} shown" for stop in STOPS)
    after = " and ".join(f"{row[f'after {stop}']:.1%}" for stop in STOPS)
    times = ", ".join(f"{name} {row[f'{name} seconds']:.1f} s" for name in ("train", "review", "retrain"))
    return f"found {found}; accuracy {row['before']:.1%} -> {after}; {times}"


if __name__ == "__main__":
    main()
