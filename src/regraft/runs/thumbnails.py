"""Images as a report shows them: small JPEGs as data URLs."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from regraft.data.content import Content
from regraft.data.decoding import Undecodable, decode_for
from regraft.data.rendering import PLAIN, Rendering
from regraft.network.preprocessing import Preprocessing

THUMBNAIL = 150  # pixels a side
VIEWS_SHOWN = 5  # of each image


def thumbnail(content: Content, rendering: Rendering = PLAIN) -> str | None:
    """A small JPEG as a data URL; None where the file has gone since."""
    try:
        image = decode_for(content.read(), THUMBNAIL, None, rendering).image
    except Undecodable:
        return None
    scale = THUMBNAIL / max(image.size)
    small = image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.LANCZOS
    )
    return as_url(small)


def as_url(image: Image.Image) -> str:
    """A JPEG as a data URL."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()


def augmentation_strips(
    contents: Sequence[Content], preprocessing: Preprocessing, flip: bool, seed: int, rendering: Rendering = PLAIN
) -> dict[str, str]:
    """For each preset a strip of random views of the images ``contents``; those that have gone are left out."""
    import torch
    from torchvision.transforms.v2.functional import pil_to_tensor

    from regraft.training.augmentation import PRESETS, training_view

    images = []
    for content in contents:
        try:
            decoded = decode_for(content.read(), preprocessing.side, None, rendering)
            images.append(pil_to_tensor(preprocessing.resize(decoded.image, decoded.original)))
        except Undecodable:
            continue
    strips = {}
    for preset in PRESETS if images else ():
        view = training_view(preset, preprocessing.size, flip)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            views = [view(image) for image in images for _ in range(VIEWS_SHOWN)]
        strip = np.concatenate([view.permute(1, 2, 0).numpy() for view in views], axis=1)
        height = min(preprocessing.size, THUMBNAIL * 2 // 3)
        width = round(strip.shape[1] * height / strip.shape[0])
        strips[preset] = as_url(Image.fromarray(strip).resize((width, height), Image.Resampling.LANCZOS))
    return strips
