"""Top patches for all channels at six cuts against the plain feature pass: seconds of both, their ratio, memory.

    uv run python benchmarks/look_patches.py FOLDER [--backbone NAME] [--image-size 128] [--images 10000]

The plain pass is the one that training makes: files read, decoded and run, averages at every cut kept. Both run in
processes of their own, in turn, twice; the smaller figures count. At most 1.5 times the plain pass and 2 GB are wanted.
"""

import argparse
import multiprocessing
import os
import platform
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

ROUNDS, WANTED, MEMORY = 2, 1.5, 2.0


def images_and_backbone(given: argparse.Namespace) -> tuple[Any, Any]:
    """What both look at."""
    from regraft.data.find import find_images
    from regraft.network.load import load

    images = find_images(given.folder)
    step = max(1, len(images.files) // given.images)  # so that every class is there
    files = images.files[::step][: given.images]
    return replace(images, files=files), load(given.backbone, given.weights, given.image_size)


def plain(given: argparse.Namespace) -> float:
    """Seconds of the feature pass, the making of the engine among them."""
    from regraft.features.extract import extract

    images, backbone = images_and_backbone(given)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["REGRAFT_CACHE"] = cache
        started = time.perf_counter()
        extract(images, backbone)
        return time.perf_counter() - started


def patches(given: argparse.Namespace) -> float:
    """Seconds of the patches, the making of the engine among them."""
    from regraft.inspection.chapters.patches import spread
    from regraft.inspection.patches import top_patches
    from regraft.inspection.subject import Subject

    images, backbone = images_and_backbone(given)
    subject = Subject(given.backbone, backbone, backbone.source_classes)
    cuts = spread(subject, 6)
    started = time.perf_counter()
    made = top_patches(subject, images.files, len(images.classes), cuts)
    seconds = time.perf_counter() - started
    print(f"  {sum(len(one.rows) for one in made)} channels at {', '.join(one.cut.name for one in made)}", flush=True)
    return seconds


def alone(function: Any, given: argparse.Namespace) -> tuple[float, float]:
    """Seconds and the process's largest memory in GB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (function, given))


def measured(function: Any, given: argparse.Namespace) -> tuple[float, float]:
    """The same, in this process."""
    seconds = function(given)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--weights")
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--images", type=int, default=10_000)
    given = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, {given.backbone}")
    best = {plain: (float("inf"), 0.0), patches: (float("inf"), 0.0)}
    for _ in range(ROUNDS):
        for function, before in best.items():
            seconds, memory = alone(function, given)
            print(f"  {function.__name__}: {seconds:.1f} s, {memory:.2f} GB", flush=True)
            best[function] = min(seconds, before[0]), max(memory, before[1])
    ratio = best[patches][0] / best[plain][0]
    print(f"{ratio:.2f} times the plain pass (at most {WANTED} wanted), {best[patches][1]:.2f} GB (at most {MEMORY})")


if __name__ == "__main__":
    main()
