"""What pictures of a kind have in common: mean colour, covariance of the colours, spectrum.

All of it is of logits, log(p / (1 - p)) of pixels p in 0..1: there a picture has no bounds, so that a spectrum can be
held exactly, and a sigmoid brings it back.
"""

from dataclasses import dataclass

import numpy as np

FLAT = 1e-6  # variance of images without structure
DARKEST = 0.02  # and 1 - DARKEST the brightest: black's logit is infinite
# The square root of the covariance of ImageNet's colours, in pixels of 0..1 (lucid, Apache 2.0), and a logit's slope.
COLOURS = 4 * np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])


@dataclass(frozen=True)
class ImageStatistics:
    """Of images of (size, size) pixels."""

    mean: np.ndarray  # (3,) the average colour, logits
    colours: np.ndarray  # (3, 3) uncorrelated values of variance one -> colours around the mean, logits
    magnitude: np.ndarray  # (3, size, size // 2 + 1) of each frequency of the uncorrelated values; 0 for the mean
    images: int = 0  # that were measured; 0: the spectrum falls with frequency as photographs' do

    @property
    def size(self) -> int:
        """Pixels a side."""
        return int(self.magnitude.shape[1])

    @property
    def in_words(self) -> str:
        """Where the spectrum is from."""
        return f"the average of {self.images} of your images" if self.images else "1/f, as photographs have it"


def usual(size: int) -> ImageStatistics:
    """Photographs in general: grey in the middle, magnitudes that fall with frequency."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    magnitude = np.where(frequency > 0, 1 / np.maximum(frequency, 1 / size), 0)
    times = size * size / np.sqrt(np.square(two_sided(magnitude, size)).sum())  # Parseval: variance one
    return ImageStatistics(np.zeros(3), COLOURS, np.repeat(times * magnitude[None], 3, axis=0))


def two_sided(magnitude: np.ndarray, size: int) -> np.ndarray:
    """Half a spectrum (..., size, size // 2 + 1), each frequency that stands for two counted twice in its square."""
    twice = np.full(magnitude.shape[-1], np.sqrt(2))
    twice[0] = 1
    if size % 2 == 0:
        twice[-1] = 1
    return np.asarray(magnitude * twice)


def statistics_of(pixels: np.ndarray) -> ImageStatistics:
    """Measured on images (images, size, size, 3) uint8; a set without colours or structure gets the usual ones."""
    values = logits_of(pixels)
    mean = values.mean(axis=(0, 1, 2))
    values = values - values.mean(axis=(1, 2), keepdims=True)
    flat = values.reshape(-1, 3)
    variance, directions = np.linalg.eigh(flat.T @ flat / len(flat))
    if variance[-1] < FLAT:
        return usual(pixels.shape[1])
    deviation = np.sqrt(np.maximum(variance, 1e-4 * variance[-1]))  # grey images: hardly any colour
    uncorrelated = (values @ (directions / deviation)).transpose(0, 3, 1, 2)
    magnitude = np.abs(np.fft.rfft2(uncorrelated * window(pixels.shape[1]))).mean(axis=0)
    magnitude[:, 0, 0] = 0
    return ImageStatistics(mean, (directions * deviation), magnitude, len(pixels))


def window(size: int) -> np.ndarray:
    """Weights (size, size) that fall to the border (Hann), their mean square one.

    An image's left border does not continue its right one. Unweighted, that step would be in the spectrum as a cross of
    frequencies, and stripes in the pictures.
    """
    side = np.hanning(size + 2)[1:-1]
    both = np.outer(side, side)
    return np.asarray(both / np.sqrt(np.square(both).mean()))


def logits_of(pixels: np.ndarray) -> np.ndarray:
    """Pixels uint8 -> logits."""
    share = np.clip(pixels / 255, DARKEST, 1 - DARKEST)
    return np.asarray(np.log(share / (1 - share)))
