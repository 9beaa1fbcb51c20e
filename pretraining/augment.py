"""Random resized crops, flips and colour for a whole batch at once, each image with its own draw."""

import torch
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def normalise(pixels: torch.Tensor, mean: torch.Tensor = MEAN, std: torch.Tensor = STD) -> torch.Tensor:
    """(images, height, width, 3) uint8 -> (images, 3, height, width) float32, normalised."""
    return pixels.permute(0, 3, 1, 2).float().div_(255 * std).sub_(mean / std)


def draw_crops(count: int, smallest: float) -> torch.Tensor:
    """Crops of ``smallest`` to all of an image's area at a ratio of 3/4 to 4/3, half of them flipped: (count, 2, 3)."""
    area = torch.empty(count).uniform_(smallest, 1)
    ratio = torch.exp(torch.empty(count).uniform_(-0.2877, 0.2877))
    width = (area * ratio).sqrt().clamp(max=1)
    height = (area / ratio).sqrt().clamp(max=1)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = width * torch.randint(0, 2, (count,)).mul(2).sub(1)
    theta[:, 1, 1] = height
    theta[:, 0, 2] = (1 - width) * torch.empty(count).uniform_(-1, 1)
    theta[:, 1, 2] = (1 - height) * torch.empty(count).uniform_(-1, 1)
    return theta


def crop(images: torch.Tensor, theta: torch.Tensor, size: int) -> torch.Tensor:
    """Normalised (images, 3, height, width) -> the crops ``theta`` of them: (images, 3, size, size).

    Much larger images are sampled twice as densely and averaged, so that fine detail does not turn into noise.
    """
    denser = 2 if images.shape[-1] >= 1.5 * size else 1
    grid = affine_grid(theta, [len(images), 3, denser * size, denser * size], align_corners=False)
    found = grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return avg_pool2d(found, denser) if denser > 1 else found


def recolour(images: torch.Tensor) -> torch.Tensor:
    """Change each image's contrast, brightness and colour a little."""
    count = len(images)
    contrast = torch.empty(count, 1, 1, 1).uniform_(0.7, 1.3)
    brightness = torch.empty(count, 1, 1, 1).uniform_(-0.4, 0.4)
    colour = torch.empty(count, 3, 1, 1).uniform_(-0.15, 0.15)
    return images * contrast + brightness + colour
