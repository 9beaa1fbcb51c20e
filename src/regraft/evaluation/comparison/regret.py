"""What following the plan costs, without the winner's curse.

The best of several strategies on some test images owes part of its lead to chance. So one half of the test images
chooses the best, the other half scores it, and the halves are swapped; over many random halves.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from regraft.metrics.intervals import group_ids

HALVINGS = 100


def regret_of(
    right: Mapping[str, np.ndarray], planned: str, seed: int, groups: Sequence[str | None] | None = None
) -> float:
    """Accuracy of the best strategy by one half of the images less the planned one's, both on the other half.

    ``right``: which images (images,) bool each strategy has right. Images of one group stay in one half; strategies
    that are equally good on the half that chooses are all chosen.
    """
    hits = np.stack([hit.astype(float) for hit in right.values()])
    mine = list(right).index(planned)
    images = np.arange(hits.shape[1])
    of_group = group_ids(groups)
    unit = images if of_group is None else of_group
    rng, found = np.random.default_rng(seed), []
    for _ in range(HALVINGS):
        first = rng.permutation(unit.max() + 1)[unit] % 2 == 0
        for choosing in (first, ~first):
            if choosing.all() or not choosing.any():
                continue
            sums = hits[:, choosing].sum(axis=1)
            scored = hits[:, ~choosing].mean(axis=1)
            found.append(scored[sums == sums.max()].mean() - scored[mine])
    return float(np.mean(found)) if found else 0.0
