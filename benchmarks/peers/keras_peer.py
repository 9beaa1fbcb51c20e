"""Keras's guide "Transfer learning & fine-tuning", its end-to-end example on PyTorch, with SqueezeNet 1.1 ported to it.

Batches of 64; Adam 0.001 for the top layer on the frozen network, then Adam 0.00001 for all of it. Images are read,
flipped and turned once and kept in memory, as the guide's ``cache()`` does. ``short``: 2 epochs and 1, as the guide's
code says; ``long``: 20 and 10. ``check`` compares the ported network with torchvision's. Channels
come first, which is faster than Keras's default on PyTorch.
"""

import os
import time

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
from keras import layers
from safetensors.torch import load_file

from benchmarks.peers.peer import Arguments, Count, arguments, report

keras.config.set_image_data_format("channels_first")

SIZE, BATCH = 224, 64
EPOCHS = {"short": (2, 1), "long": (20, 10)}
FIRE = {3: 16, 4: 16, 6: 32, 7: 32, 9: 48, 10: 48, 11: 64, 12: 64}  # torchvision's number: channels squeezed to
POOLED = (2, 5, 8)
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def convolution(x: keras.KerasTensor, name: str, channels: int, side: int, **options: object) -> keras.KerasTensor:
    """A convolution with a ReLU, named for the weights that it takes."""
    return layers.Conv2D(channels, side, activation="relu", name=name.replace(".", "_"), **options)(x)


def squeezenet(weights: dict[str, np.ndarray]) -> keras.Model:
    """SqueezeNet 1.1 up to its last fire module."""
    inputs = keras.Input((3, SIZE, SIZE))
    x = convolution(inputs, "features.0", 64, 3, strides=2)
    for number in range(2, 13):
        if number in POOLED:
            x = layers.MaxPooling2D(3, strides=2)(x)
            continue
        squeezed, name = FIRE[number], f"features.{number}"
        x = convolution(x, f"{name}.squeeze", squeezed, 1)
        near = convolution(x, f"{name}.expand1x1", 4 * squeezed, 1)
        far = convolution(x, f"{name}.expand3x3", 4 * squeezed, 3, padding="same")
        x = layers.Concatenate(axis=1)([near, far])
    network = keras.Model(inputs, x)
    take(network, weights)
    return network


def take(network: keras.Model, weights: dict[str, np.ndarray]) -> None:
    """Give each convolution its weights: PyTorch has (out, in, height, width), Keras (height, width, in, out)."""
    for key, kernel in weights.items():
        name = key.removesuffix(".weight")
        if key.endswith(".weight") and name.startswith("features"):
            layer = network.get_layer(name.replace(".", "_"))
            layer.set_weights([kernel.transpose(2, 3, 1, 0), weights[f"{name}.bias"]])


def check(given: Arguments, network: keras.Model) -> None:
    """Print how far the ported features lie from torchvision's on random pictures."""
    import torch
    from torchvision.models import squeezenet1_1

    theirs = squeezenet1_1().eval()
    theirs.load_state_dict(load_file(given.weights))
    images = torch.randn(2, 3, SIZE, SIZE)
    with torch.no_grad():
        logits, expected = theirs.classifier(network(images.numpy())).flatten(1), theirs(images)
    print(f"logits up to {expected.abs().max():.2f}, largest difference {(logits - expected).abs().max():.2e}")


def pictures(files: list[tuple[os.PathLike, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Images squeezed to a square: (images, 3, SIZE, SIZE), uint8; and the numbers of their classes."""
    images = [keras.utils.load_img(path, target_size=(SIZE, SIZE), interpolation="bilinear") for path, _ in files]
    stacked = np.stack([np.asarray(image).transpose(2, 0, 1) for image in images])
    return stacked, np.array([label for _, label in files])


def augmented(images: np.ndarray) -> np.ndarray:
    """Each image flipped or not, and turned by up to a tenth of a turn; in batches, to spare memory."""
    view = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)])
    parts = (images[at : at + BATCH].astype(np.float32) for at in range(0, len(images), BATCH))
    turned = [keras.ops.convert_to_numpy(view(part, training=True)) for part in parts]
    return np.concatenate([part.round().clip(0, 255).astype(np.uint8) for part in turned])


def classifier(network: keras.Model, classes: int) -> keras.Model:
    """The guide's model: scaling, the frozen network, pooling, dropout, one linear layer."""
    network.trainable = False
    inputs = keras.Input((3, SIZE, SIZE))
    x = layers.Normalization(axis=1, mean=255 * MEAN, variance=(255 * STD) ** 2)(inputs)
    x = layers.GlobalAveragePooling2D()(network(x, training=False))
    return keras.Model(inputs, layers.Dense(classes)(layers.Dropout(0.2)(x)))


def main() -> None:
    """Train, test."""
    given = arguments(__doc__, ("long", "short", "check"))
    keras.utils.set_random_seed(given.seed)
    weights = {name: value.float().numpy() for name, value in load_file(given.weights).items()}
    network = squeezenet(weights)
    if given.variant == "check":
        check(given, network)
        return
    parts, count = given.parts, Count()
    train, labels = pictures(parts.images(parts.train))
    train, watched = augmented(train), pictures(parts.images(parts.watched))
    model = classifier(network, len(parts.classes))
    for epochs, rate, trainable in zip(EPOCHS[given.variant], (1e-3, 1e-5), (False, True), strict=True):
        network.trainable = trainable
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
        model.fit(train, labels, batch_size=BATCH, epochs=epochs, validation_data=watched, verbose=2)
        count.add(epochs * len(labels), trainable)
        count.add(epochs * len(watched[1]))
    seconds = time.perf_counter() - given.started
    reported = watched if parts.reported == parts.watched else pictures(parts.images(parts.reported))
    accuracy = model.evaluate(*reported, batch_size=BATCH, return_dict=True, verbose=0)["accuracy"]
    count.add(len(reported[1]))
    report(accuracy, count, seconds)


if __name__ == "__main__":
    main()
