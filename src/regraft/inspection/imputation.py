"""Taking parts out of an image so that what is put there tells as little as may be, where the part was included."""

from functools import cache

import numpy as np
from PIL import Image, ImageFilter
from scipy import sparse
from scipy.sparse.linalg import splu

BLUR, LINEAR = "blur", "linear"
REMOVALS = (BLUR, LINEAR)
CELLS = 56  # squares to a side, at most, in which an image is taken apart
RADIUS = 0.05  # of the blur, as a share of the image's side
NOISE = 2.5  # levels of 255, added to what is imputed
NEIGHBOURS = {(0, 1): 2, (1, 0): 2, (1, 1): 1, (1, -1): 1}  # and their weight: beside counts twice as much as across


def cells_of(size: int) -> np.ndarray:
    """The cell in which each of ``size`` pixels of a side lies: (size,) int64."""
    return np.arange(size) * min(CELLS, size) // size


def removed(pixels: np.ndarray, gone: np.ndarray, removal: str, draw: np.random.Generator) -> np.ndarray:
    """An image (size, size, 3) uint8 without some of its cells, once for each of ``gone`` (n, cells, cells) bool.

    Blur puts the blurred image there. Linear is noisy linear imputation (ROAD; Rong et al. 2022, arXiv 2202.00449):
    each missing cell is the weighted average of its neighbours, and noise is added.
    """
    places = cells_of(len(pixels))
    holes = gone[:, places][:, :, places, None]
    if removal == BLUR:
        radius = RADIUS * len(pixels)
        return np.where(holes, np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius))), pixels)
    means = cell_means(pixels)
    filled = np.stack([enlarged(imputed(means, missing), len(pixels)) for missing in gone])
    noisy = filled + draw.normal(0, NOISE, filled.shape)
    return np.where(holes, noisy.round().clip(0, 255).astype(np.uint8), pixels)


def cell_means(pixels: np.ndarray) -> np.ndarray:
    """An image (size, size, 3) -> the mean colour of each cell, (cells, cells, 3)."""
    places = cells_of(len(pixels))
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    sums = np.add.reduceat(np.add.reduceat(pixels.astype(np.float64), starts, axis=0), starts, axis=1)
    sides = np.bincount(places)
    return np.asarray(sums / (sides[:, None] * sides)[..., None])


def imputed(means: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Colours of cells (cells, cells, 3), those ``missing`` (cells, cells) bool computed from the others."""
    colours, holes = means.reshape(-1, 3).copy(), missing.ravel()
    if holes.all():
        colours[:] = colours.mean(0)
    elif holes.any():
        rows = differences(len(means))[holes]
        known = rows[:, ~holes] @ colours[~holes]
        system = splu(rows[:, holes].tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
        colours[holes] = system.solve(-known)
    return colours.reshape(means.shape)


@cache
def differences(cells: int) -> sparse.csr_array:
    """How far each cell lies from the weighted sum of its neighbours: (cells ** 2, cells ** 2)."""
    number = np.arange(cells * cells).reshape(cells, cells)
    some, others, weights = [], [], []
    for (down, right), weight in NEIGHBOURS.items():
        left = slice(max(0, -right), cells - max(0, right))
        first = number[: cells - down, left].ravel()
        some.append(first)
        others.append(first + down * cells + right)
        weights.append(np.full(len(first), float(weight)))
    pairs = (np.concatenate(some), np.concatenate(others))
    links = sparse.coo_array((np.concatenate(weights), pairs), shape=(cells * cells, cells * cells))
    links = links + links.T
    return sparse.csr_array(sparse.diags_array(links.sum(axis=1)) - links)


def enlarged(colours: np.ndarray, size: int) -> np.ndarray:
    """Colours of cells -> pixels (size, size, 3) float32, smoothly."""
    bands = [Image.fromarray(np.float32(colours[..., band])) for band in range(3)]
    return np.stack([np.asarray(band.resize((size, size), Image.Resampling.BILINEAR)) for band in bands], axis=-1)
