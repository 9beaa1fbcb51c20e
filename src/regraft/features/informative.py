"""Which unlabelled images to label next: those that the classifier hesitates about, spread over all that there is.

k-means weighted by uncertainty, as Zhdanov (2019, "Diverse mini-batch active learning", arXiv:1901.05954) has it: of
the CANDIDATES times as many images with the smallest margins, as many clusters as are wanted, each image weighing what
its margin lacks to 1; of each cluster the image nearest to its middle. In ``benchmarks/suggest.py`` it was better than
the smallest margins alone, and than Cluster-Margin (Citovsky et al., 2021, arXiv:2107.14263).
"""

import numpy as np

from regraft.features.threads import one_thread

CANDIDATES, MOST_CANDIDATES = 40, 20_000
LEAST_WEIGHT = 1e-3
ROUNDS = 50  # of k-means, at most


def margins_of(probabilities: np.ndarray) -> np.ndarray:
    """By how much the likeliest class is ahead of the next: (images, classes) -> (images,)."""
    ordered = np.sort(probabilities, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def most_informative(x: np.ndarray, margins: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The rows to label next, at most ``count``, the smallest margin first.

    ``x``: directions of the images' features (images, channels); ``margins``: (images,).
    """
    candidates = np.argsort(margins, kind="stable")[: max(count, min(CANDIDATES * count, MOST_CANDIDATES))]
    if len(candidates) <= count:
        return candidates
    from sklearn.cluster import KMeans

    points, weights = x[candidates].astype(np.float64), np.maximum(1 - margins[candidates], LEAST_WEIGHT)
    with one_thread():
        clusters = KMeans(count, n_init=1, max_iter=ROUNDS, random_state=seed).fit(points, sample_weight=weights)
    distances = np.linalg.norm(points - clusters.cluster_centers_[clusters.labels_], axis=1)
    order = np.lexsort((distances, clusters.labels_))
    _, first = np.unique(clusters.labels_[order], return_index=True)
    chosen = np.zeros(len(candidates), dtype=bool)
    chosen[order[first]] = True
    chosen[np.flatnonzero(~chosen)[: count - len(first)]] = True  # where clusters came out empty
    return np.asarray(candidates[chosen])
