"""A filter of the user's own, laid over an image step by step: convolution, ReLU, pooling."""

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from regraft.errors import RecipeError
from regraft.inspection.filters import Filters

KERNELS = {
    "identity": "0,0,0;0,1,0;0,0,0",
    "sobel-x": "-1,0,1;-2,0,2;-1,0,1",
    "sobel-y": "-1,-2,-1;0,0,0;1,2,1",
    "emboss": "-2,-1,0;-1,1,1;0,1,2",
    "blur": "1/16,2/16,1/16;2/16,4/16,2/16;1/16,2/16,1/16",
    "sharpen": "0,-1,0;-1,5,-1;0,-1,0",
    "outline": "-1,-1,-1;-1,8,-1;-1,-1,-1",
}
GREY = np.array([0.299, 0.587, 0.114])  # of red, green and blue, as Pillow has it (ITU-R 601)
POOLINGS = ("max", "average")
NEAREST = 6  # of the network's filters


@dataclass(frozen=True)
class Step:
    """A convolution or a pooling: what it makes of an image's sides, with the sum written out."""

    name: str
    width: int
    height: int
    sum_of_width: str  # "(28 + 2 x 1 - 3) / 2 + 1 = 14"
    sum_of_height: str


@dataclass(frozen=True)
class Filtered:
    """An image on its way through a filter."""

    kernel: np.ndarray  # (height, width) float64
    grey: np.ndarray  # the image, (height, width), 0 to 1
    convolved: np.ndarray  # smaller where the stride is above 1
    rectified: np.ndarray  # after ReLU
    pooled: np.ndarray
    steps: tuple[Step, Step]  # convolution, pooling
    strongest: tuple[int, int]  # row and column of the convolution's largest value, where the padding plays no part
    worked_out: str  # the sum that gives the value there


@dataclass(frozen=True)
class Near:
    """One of the network's own filters beside the user's."""

    number: int
    similarity: float  # cosine, -1 to 1, after the means are taken off
    kernel: np.ndarray  # summed over colours, (height, width)


def kernel_of(text: str) -> np.ndarray:
    """A kernel by its name in KERNELS, or as rows of numbers: "-1,0,1;-2,0,2;-1,0,1" -> (height, width) float64."""
    text = text.strip()
    name = text.lower().replace("_", "-").replace(" ", "-")
    if name in KERNELS:
        return kernel_of(KERNELS[name])
    if text[:1].isalpha():
        near = difflib.get_close_matches(name, KERNELS, 1)
        hint = f"did you mean {near[0]}? There are" if near else "there are"
        raise RecipeError(
            f"no filter is called '{text[:40]}'; {hint} {', '.join(KERNELS)}, or numbers as -1,0,1;-2,0,2"
        )
    rows = [[number(word) for word in row.replace(",", " ").split()] for row in text.strip("; ").split(";")]
    lengths = [len(row) for row in rows]
    if not all(lengths) or len(set(lengths)) > 1:
        raise RecipeError(
            f"a filter's rows must be equally long; they have {', '.join(map(str, lengths))} numbers;"
            " write rows parted by ; and numbers parted by commas, as -1,0,1;-2,0,2;-1,0,1"
        )
    kernel = np.array(rows, dtype=np.float64)
    if not kernel.any():
        raise RecipeError("all numbers of the filter are 0, so it answers to nothing; give at least one other number")
    return kernel


def number(word: str) -> float:
    """A number as people write it: -1, 0.5, 1/9."""
    above, stroke, below = word.replace("\N{MINUS SIGN}", "-").partition("/")
    try:
        value = float(above) / float(below if stroke else 1)
    except (ValueError, ZeroDivisionError):
        value = math.nan
    if not math.isfinite(value):
        raise RecipeError(f"'{word[:40]}' in the filter is no number; write numbers as -1, 0.5 or 1/9")
    return value


def filtered(
    kernel: np.ndarray,
    image: np.ndarray,
    stride: int = 1,
    padding: int | None = None,
    pooling: int = 2,
    pool: str = "max",
) -> Filtered:
    """Lay ``kernel`` (as ``kernel_of`` gives it) over an image (height, width, 3) or (height, width) uint8.

    ``padding``: zeros on each side (None: as many as keep the size at stride 1; a kernel of an even side takes one
    pixel). ``pooling``: the side of the squares that are pooled, 1 for none. As in networks the kernel is not turned
    around.
    """
    high, wide = ((side - 1) // 2 if padding is None else padding for side in kernel.shape)
    check(kernel, image, stride, (high, wide), pooling, pool)
    grey = image / 255 if image.ndim == 2 else image @ GREY / 255  # noqa: PLR2004 - dimensions
    padded = np.pad(grey, ((high, high), (wide, wide)))
    value, weights = (torch.from_numpy(array)[None, None] for array in (padded, kernel))
    value = functional.conv2d(value, weights, stride=stride)
    rectified = value.relu()
    pooled = (functional.max_pool2d if pool == "max" else functional.avg_pool2d)(rectified, pooling)
    convolved = value[0, 0].numpy()
    inside = convolved[inner(high, stride, convolved.shape[0]), inner(wide, stride, convolved.shape[1])]
    row, column = (int(place) for place in np.argwhere(convolved == (inside if inside.size else convolved).max())[0])
    patch = padded[row * stride :, column * stride :][: kernel.shape[0], : kernel.shape[1]]
    first = step("convolution", grey.shape, kernel.shape, (high, wide), stride)
    second = step("pooling", convolved.shape, (pooling, pooling), (0, 0), pooling)
    return Filtered(
        kernel, grey, convolved, rectified[0, 0].numpy(), pooled[0, 0].numpy(), (first, second), (row, column),
        products(kernel, patch),
    )  # fmt: skip


def check(
    kernel: np.ndarray, image: np.ndarray, stride: int, padding: tuple[int, int], pooling: int, pool: str
) -> None:
    """Raise RecipeError for what cannot be computed; ``padding``: above and below, left and right."""
    for name, value, least in (("stride", stride, 1), ("padding", min(padding), 0), ("pooling", pooling, 1)):
        if value < least:
            raise RecipeError(f"the {name} must be {least} or more; it is {value}")
    if pool not in POOLINGS:
        raise RecipeError(f"no pooling is called '{pool}'; there are {' and '.join(POOLINGS)}")
    if (most := max(kernel.shape) - 1) < max(padding):
        raise RecipeError(
            f"with a padding of {max(padding)} the filter of {sides(kernel)} lies on nothing but zeros at the edges;"
            f" at most {most} makes sense"
        )
    room = [side + 2 * zeros for side, zeros in zip(image.shape[:2], padding, strict=True)]
    if any(inside > outside for inside, outside in zip(kernel.shape, room, strict=True)):
        raise RecipeError(
            f"the filter of {sides(kernel)} does not fit into the image of {sides(image)} with a padding of"
            f" {max(padding)}; take a smaller filter or a larger image"
        )
    left = [(outside - inside) // stride + 1 for inside, outside in zip(kernel.shape, room, strict=True)]
    if min(left) < pooling:
        raise RecipeError(
            f"pooling squares of {pooling} x {pooling} do not fit into the {left[1]} x {left[0]} values that the"
            " convolution leaves; take a smaller pooling or stride"
        )


def inner(padding: int, stride: int, values: int) -> slice:
    """The values, of so many along a side, for which the filter lies on no zeros at that side's two ends."""
    first = -(-padding // stride)
    return slice(first, values - first)


def sides(array: np.ndarray) -> str:
    """Width and height in words."""
    return f"{array.shape[1]} x {array.shape[0]}"


def step(name: str, size: Sequence[int], kernel: Sequence[int], padding: Sequence[int], stride: int) -> Step:
    """What a step makes of both sides; ``size``, ``kernel`` and ``padding`` are (height, width)."""
    (height, high), (width, wide) = (arithmetic(size[i], kernel[i], padding[i], stride) for i in (0, 1))
    return Step(name, width, height, wide, high)


def arithmetic(side: int, kernel: int, padding: int, stride: int) -> tuple[int, str]:
    """A side of the result, and the sum that gives it."""
    room = side + 2 * padding - kernel
    result = room // stride + 1
    text = f"({side} + 2 x {padding} - {kernel}) / {stride} + 1 = {result}"
    return result, text if room % stride == 0 else f"{text}, with {room} / {stride} rounded down to {room // stride}"


def products(kernel: np.ndarray, patch: np.ndarray) -> str:
    """The sum of a kernel's numbers times the pixels below them; zeros are left out, and so is what is too long."""
    pairs = [(weight, pixel) for weight, pixel in zip(kernel.flat, patch.flat, strict=True) if weight]
    shown = " + ".join(f"{in_brackets(weight)} x {pixel:.2f}" for weight, pixel in pairs[:9])
    return f"{shown}{' + ...' if len(pairs) > 9 else ''} = {float((kernel * patch).sum()):.2f}"  # noqa: PLR2004


def in_brackets(weight: float) -> str:
    """A weight, in brackets where it is negative."""
    return f"({weight:.3g})" if weight < 0 else f"{weight:.3g}"


def nearest(kernel: np.ndarray, own: Filters, most: int = NEAREST) -> tuple[Near, ...]:
    """The network's filters that resemble ``kernel`` most, the nearest first; () where it is flat.

    Both are brought to the larger one's sides, and their means are taken off.
    """
    summed = own.kernels.sum(1).astype(np.float64)
    size = tuple(max(pair) for pair in zip(kernel.shape, summed.shape[1:], strict=True))
    wanted = direction(kernel, size)
    if not wanted.any():
        return ()
    similarity = np.array([float((direction(one, size) * wanted).sum()) for one in summed])
    order = np.argsort(-similarity, kind="stable")[:most]
    return tuple(Near(int(i), float(similarity[i]), summed[i]) for i in order)


def direction(kernel: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """A kernel of ``size`` (height, width) without its mean, of length one; zeros where nothing is left."""
    image = Image.fromarray(np.float32(kernel), "F").resize((size[1], size[0]), Image.Resampling.BILINEAR)
    centred = np.asarray(image, dtype=np.float64)
    centred = centred - centred.mean()
    length = float(np.linalg.norm(centred))
    return centred / length if length > 1e-6 * max(1e-12, float(np.abs(kernel).max())) else np.zeros_like(centred)
