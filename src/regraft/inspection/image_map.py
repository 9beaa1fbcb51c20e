"""The images as points on a map: those that a network finds alike lie together.

t-SNE (van der Maaten and Hinton 2008) by openTSNE, from a start by principal components, which keeps the large
distances in order (Kobak and Berens 2019, Nature Communications 10:5416).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from PIL import Image

from regraft.data.images import ImageFile
from regraft.errors import DataError, RecipeError
from regraft.inspection.drawing import resized
from regraft.inspection.pictures import in_batches, pictures, sample
from regraft.inspection.subject import Subject, maps_of
from regraft.metrics import of_length_one
from regraft.network.cuts import Cut

MOST, FEWEST = 2_000, 12  # images on a map
NEIGHBOURS, PERPLEXITY = 10, 30
THUMBNAILS, SIDE = 300, 48  # images that are kept small, and pixels of their longer side
SEED = 0
START = 1e-4  # spread of the points that t-SNE starts from


@dataclass(frozen=True)
class Places:
    """Where the images lie."""

    points: np.ndarray  # (images, 2)
    preserved: float  # share of an image's nearest neighbours in the features that are so on the map


@dataclass(frozen=True)
class ImageMap:
    """Images on a map, and on the map of the network before training, turned to fit."""

    cut: str
    names: tuple[str, ...]
    labels: np.ndarray  # (images,) int64
    map: Places
    before: Places | None  # of a run that trained its layers
    chance: float  # what ``preserved`` is for points thrown at random
    neighbours: int  # how many nearest ones are compared
    perplexity: float
    images: int  # that there were to choose from
    thumbnails: dict[int, Image.Image]  # by place in ``names``


def image_map(
    subject: Subject,
    files: Sequence[ImageFile],
    cut: Cut | None = None,
    most: int = MOST,
    seed: int = SEED,
    thumbnails: int = THUMBNAILS,
) -> ImageMap:
    """Lay out images by a network's averages at ``cut`` (None: the last one), compared by their cosine.

    Of more than ``most`` images so many are drawn by ``seed``. DataError where there are too few.
    """
    library()  # said before the images are read
    cut = cut or subject.cuts[-1]
    networks = [subject] if subject.before is None else [subject, subject.as_before()]
    drawn = sample(len(files), most, seed)
    rows, features, small = read(networks, [files[row] for row in drawn], cut, sample(len(drawn), thumbnails, seed))
    if len(rows) < FEWEST:
        raise DataError(f"a map needs {FEWEST} images or more; {len(rows)} can be read; give more with --data")
    if not np.ptp(features[0], axis=0).any():
        raise DataError(
            f"all images have the same values at {cut.name}, so a map of them says nothing; take another cut"
        )
    chosen = [files[drawn[row]] for row in rows]
    neighbours = min(NEIGHBOURS, (len(rows) - 1) // 2)
    perplexity = min(PERPLEXITY, (len(rows) - 1) / 3)
    before = None
    if len(networks) > 1:
        before = placed(features[1], None, perplexity, neighbours, seed)
    after = placed(features[0], before, perplexity, neighbours, seed)
    return ImageMap(
        cut.name,
        tuple(file.name for file in chosen),
        np.array([file.label for file in chosen], dtype=np.int64),
        after,
        before,
        neighbours / (len(rows) - 1),
        neighbours,
        perplexity,
        len(files),
        small,
    )


def library() -> ModuleType:
    """openTSNE; RecipeError where it is not installed."""
    try:
        import openTSNE
    except ImportError:
        raise RecipeError('the map of the images needs openTSNE; install it with pip install "regraft[look]"') from None
    module: ModuleType = openTSNE
    return module


@torch.inference_mode()
def read(
    networks: Sequence[Subject], files: Sequence[ImageFile], cut: Cut, shown: np.ndarray
) -> tuple[list[int], list[np.ndarray], dict[int, Image.Image]]:
    """Rows of the images that can be read, their features (images, channels) in each network, and some small."""
    tapped = [network.tapped((cut,)) for network in networks]
    rows, values, small = list[int](), [list[np.ndarray]() for _ in networks], dict[int, Image.Image]()
    wanted = set(shown.tolist())
    for group, pixels in in_batches(pictures(networks[0], files)):
        for row, one in enumerate(group, len(rows)):
            if one.row in wanted:
                small[row] = resized(one.pixels, SIDE)
        rows += [one.row for one in group]
        batch = networks[0].input_of(pixels)
        for network, run in enumerate(tapped):
            values[network].append(maps_of(run(batch)[0], cut).mean((2, 3)).numpy())
    return rows, [np.concatenate(one) if one else np.empty((0, cut.channels)) for one in values], small


def placed(features: np.ndarray, start: Places | None, perplexity: float, neighbours: int, seed: int) -> Places:
    """Lay out features (images, channels); from ``start`` on and turned to fit it, where one is given."""
    vectors = of_length_one(features.astype(np.float64))
    openTSNE = library()  # noqa: N806 - its name
    first = start.points if start else openTSNE.initialization.pca(vectors, random_state=seed)
    spread = float(first.std(0)[0]) or 1.0
    embedding = openTSNE.TSNE(
        perplexity=perplexity,
        initialization=first / spread * START,
        neighbors="exact",
        negative_gradient_method="bh",
        random_state=seed,
    ).fit(vectors)
    points = np.asarray(embedding, dtype=np.float64)
    points -= points.mean(0)
    if start:
        points = turned_to(points, start.points)
    return Places(points, preservation(vectors, points, neighbours))


def turned_to(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Points (images, 2) about 0, turned and mirrored to lie as near to ``others`` as they can (Procrustes)."""
    from scipy.linalg import orthogonal_procrustes

    turn, _ = orthogonal_procrustes(points, others)
    return np.asarray(points @ turn)


def preservation(features: np.ndarray, points: np.ndarray, neighbours: int) -> float:
    """The share of each image's nearest ones by features that are among as many nearest on the map."""
    near, there = (nearest(values, neighbours) for values in (features, points))
    shared = [len(np.intersect1d(one, other)) for one, other in zip(near, there, strict=True)]
    return float(np.mean(shared) / neighbours)


def nearest(vectors: np.ndarray, neighbours: int) -> np.ndarray:
    """Each vector's nearest others: (images, neighbours)."""
    from sklearn.neighbors import NearestNeighbors

    return np.asarray(NearestNeighbors(n_neighbors=neighbours).fit(vectors).kneighbors(return_distance=False))
