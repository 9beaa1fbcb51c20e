"""Images as a worse camera or a smaller file would give them, at the network's input.

The kinds and strengths are the two mildest of Hendrycks and Dietterich (2019), for inputs of 224 pixels. Blur and noise
go with the root of the input's side, and JPEG's quality is higher on small inputs, about as in their sets of small
images.
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from zlib import crc32

import numpy as np
from PIL import Image, ImageFilter

USUAL = 224  # pixels a side that the strengths are for
BLUR = (1.0, 2.0)  # pixels of a Gaussian's standard deviation
NOISE = (0.08, 0.12)  # standard deviation, of white
BRIGHTNESS = (0.1, 0.2)  # added to the value (of HSV), of white
SIDES = (5.0, 6.0, math.log2(USUAL))  # powers of two that are the sides of their images
QUALITY = ((80, 65, 25), (65, 58, 18))  # of JPEG, for these sides

Disturb = Callable[[np.ndarray, np.random.Generator], np.ndarray]  # pixels (size, size, 3) uint8 -> the same


@dataclass(frozen=True)
class Disturbance:
    """One kind at one strength."""

    name: str  # noise, blur, JPEG or brightness
    strength: str  # in words
    disturb: Disturb


def disturbances_for(size: int) -> tuple[Disturbance, ...]:
    """All of them, for inputs of ``size`` pixels a side."""
    scale = math.sqrt(size / USUAL)
    made = [Disturbance("noise", f"of {s * scale:.0%} of white", partial(noisy, spread=s * scale)) for s in NOISE]
    made += [Disturbance("blur", f"of {s * scale:.1f} pixels", partial(blurred, width=s * scale)) for s in BLUR]
    for qualities in QUALITY:
        quality = round(float(np.interp(math.log2(size), SIDES, qualities)))
        made.append(Disturbance("JPEG", f"at quality {quality}", partial(compressed, quality=quality)))
    return (*made, *(Disturbance("brightness", f"up by {s:.0%}", partial(brightened, by=s)) for s in BRIGHTNESS))


def disturbed(pixels: np.ndarray, disturbances: Sequence[Disturbance]) -> list[np.ndarray]:
    """An image under each; what is random hangs on what the image shows alone."""
    seed = crc32(pixels.tobytes()) if disturbances else 0
    return [one.disturb(pixels, np.random.default_rng([seed, place])) for place, one in enumerate(disturbances)]


def noisy(pixels: np.ndarray, draw: np.random.Generator, spread: float) -> np.ndarray:
    """Gaussian noise in every channel of every pixel."""
    noise = draw.standard_normal(pixels.shape, dtype=np.float32)
    return np.asarray((pixels + 255 * spread * noise).round().clip(0, 255).astype(np.uint8))


def blurred(pixels: np.ndarray, _: np.random.Generator, width: float) -> np.ndarray:
    """A Gaussian blur."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(width)))


def compressed(pixels: np.ndarray, _: np.random.Generator, quality: int) -> np.ndarray:
    """Through JPEG and back."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def brightened(pixels: np.ndarray, _: np.random.Generator, by: float) -> np.ndarray:
    """More of the brightest channel, the others in proportion."""
    value = pixels.max(axis=2, keepdims=True).astype(np.float32)
    more = np.minimum(value + 255 * by, 255)
    grey = np.broadcast_to(more, pixels.shape)
    return np.asarray(np.where(value > 0, pixels * (more / np.maximum(value, 1)), grey).round().astype(np.uint8))
