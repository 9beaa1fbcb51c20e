"""fastai's quick start: ``vision_learner`` and ``fine_tune(4)`` with its defaults, on SqueezeNet 1.1 at 224 pixels.

One epoch of a new head on the frozen network, then four of everything; batches of 64, images cropped to 224 pixels.
"""

import time

from fastai.vision.all import (
    CategoryBlock,
    DataBlock,
    FuncSplitter,
    ImageBlock,
    Normalize,
    Resize,
    accuracy,
    get_image_files,
    imagenet_stats,
    parent_label,
    set_seed,
    vision_learner,
)
from safetensors.torch import load_file
from torchvision.models import squeezenet1_1

from benchmarks.peers.peer import Count, arguments, report

EPOCHS = 4


def main() -> None:
    """Train, test."""
    given = arguments(__doc__)
    set_seed(given.seed)
    parts = given.parts
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock),
        get_items=lambda folders: [file for folder in folders for file in get_image_files(folder)],
        splitter=FuncSplitter(lambda file: parts.watched in file.parents),
        get_y=parent_label,
        item_tfms=Resize(224),
        batch_tfms=Normalize.from_stats(*imagenet_stats),
    )
    loaders = block.dataloaders([parts.train, parts.watched], bs=64)
    learner = vision_learner(loaders, squeezenet1_1, pretrained=False, metrics=accuracy)
    body, count = learner.model[0], Count()
    weights = load_file(given.weights)
    features = {name.removeprefix("features."): value for name, value in weights.items() if "features." in name}
    body[0].load_state_dict(features)
    count.watch(body)
    learner.fine_tune(EPOCHS)
    seconds = time.perf_counter() - given.started
    tested = loaders.test_dl(get_image_files(parts.reported), with_labels=True)
    report(float(learner.validate(dl=tested)[1]), count, seconds)


if __name__ == "__main__":
    main()
