"""A class folder packed once into one array, so that every epoch reads memory and not JPEG files."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

HELD_OUT_EVERY = 50  # one image in fifty of each class validates


def pack(source: Path, packed: Path, size: int) -> None:
    """Decode every image below ``source``/CLASS/ to ``size`` x ``size`` pixels into ``packed``.

    Writes images.npy (images, size, size, 3) uint8, labels.npy (images,) int64, held_out.npy
    (images,) bool and classes.json. Does nothing when they are there already.
    """
    if (packed / "classes.json").exists():
        return
    classes = sorted(folder.name for folder in source.iterdir() if folder.is_dir())
    paths, labels, held_out = [], [], []
    for label, name in enumerate(classes):
        found = sorted(p for p in (source / name).rglob("*") if p.suffix.lower() in {".jpg", ".jpeg", ".png"})
        paths += found
        labels += [label] * len(found)
        held_out += [i % HELD_OUT_EVERY == 0 for i in range(len(found))]
    if not paths:
        raise SystemExit(
            f"{source} holds no folder with .jpg, .jpeg or .png images; put them into a folder for each class"
        )
    packed.mkdir(parents=True, exist_ok=True)
    images = np.lib.format.open_memmap(packed / "images.npy", "w+", np.uint8, (len(paths), size, size, 3))

    def decode(index: int) -> None:
        with Image.open(paths[index]) as image:
            images[index] = np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(decode, range(len(paths))))
    images.flush()
    np.save(packed / "labels.npy", np.array(labels))
    np.save(packed / "held_out.npy", np.array(held_out))
    (packed / "classes.json").write_text(json.dumps(classes))
