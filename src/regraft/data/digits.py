"""The whole job on sample data: scikit-learn's digits, real scans of 8x8 pixels, as a folder of PNGs."""

from pathlib import Path

import numpy as np
from PIL import Image

from regraft.errors import RunError, reason_not_written


def write_digits(folder: Path) -> None:
    """Write ``folder``/DIGIT/NUMBER.png for each of the 1,797 scans; files that are there stay."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    try:
        for number, (pixels, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
            path = folder / str(digit) / f"{number:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                Image.fromarray((pixels * 255 / 16).astype(np.uint8)).save(path)
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {reason_not_written(error)}; name another folder") from None
