"""Neighbours among very many images: in clusters against exactly, by time and by how many are found.

    uv run python -m benchmarks.very_many DATA --image-size 128

A fifth of the images asks for its nearest among the others, at the two cuts where copies are looked for. The nearest
thousand count most: copies are looked for among these first (docs/decisions/018-copies.md).
"""

import argparse
import resource
import time

import numpy as np

from regraft.data.find import find_images
from regraft.features import clusters, neighbours
from regraft.features.extract import extract
from regraft.features.near_duplicates import ROUND, halfway
from regraft.network.load import load
from regraft.recipe import EMBEDDED

NEVER, ALWAYS = 1 << 62, 0  # pairs from which clusters are used


def main() -> None:
    """Print a line a way and cut."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("data")
    asked.add_argument("--image-size", type=int, default=128)
    asked.add_argument("--probed", type=int, nargs="+", default=[8, clusters.PROBED])
    given = asked.parse_args()
    backbone = load(EMBEDDED, None, given.image_size)
    features = extract(find_images(given.data), backbone)
    order = np.random.default_rng(0).permutation(len(features.looks))
    rows, others = np.split(order, [len(order) // 5])
    for cut in (halfway(features.network_cuts), features.cuts[-1]):
        exact: tuple[np.ndarray, np.ndarray] | None = None
        for name, most, probed in (("exactly", NEVER, 1), *((f"{n} clusters", ALWAYS, n) for n in given.probed)):
            neighbours.VERY_LARGE, clusters.PROBED = most, probed
            started = time.process_time()
            found = neighbours.nearest_of(features, cut, np.sort(rows), np.sort(others))
            seconds = time.process_time() - started
            exact = exact or found
            same, nearest = found[0] == exact[0], np.argsort(exact[1], kind="stable")[:ROUND]
            print(
                f"{cut.name} ({cut.channels} channels), {len(rows):,} among {len(others):,}, {name}: {seconds:.1f} s,"
                f" {same.mean():.1%} as exactly, {same[nearest].mean():.1%} of the nearest {ROUND:,}; peak"
                f" {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
