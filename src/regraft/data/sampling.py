"""A stratified sample of many images, the same wherever it is drawn."""

import hashlib

import numpy as np

from regraft.data.images import ImageSet

FEWEST = 2  # of each class in each part, so that a rare class can be tested too


def sample_of(images: ImageSet, most: int) -> np.ndarray:
    """Rows, in order, of at most ``most`` images, every class in every part in proportion and FEWEST of each.

    The images' names alone decide, so that each machine that lists them draws the same. Members of a group may be
    parted, and keep their group: a split of the sample has them on one side.
    """
    files = images.files
    pairs = files.splits.codes.astype(np.int64) * len(images.classes) + files.labels
    strata = np.unique(pairs, return_inverse=True)[1]  # whatever their order, each is drawn from by itself
    drawn = b"".join(hashlib.blake2b(name_of(name), digest_size=8).digest() for name in files.names)
    order = np.lexsort([np.frombuffer(drawn, ">u8"), strata])
    sizes = np.bincount(strata)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    wanted = np.maximum(np.floor(sizes * (most / len(order))), FEWEST)
    return np.flatnonzero(rank < wanted[strata])


def name_of(name: str) -> bytes:
    """A name as bytes; names may hold what no encoding has."""
    return name.encode(errors="surrogatepass")
