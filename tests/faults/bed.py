"""What files are damaged in: images, runs, archives and a cache, made once; and the command line in this process."""

import contextlib
import io
import json
import shutil
import signal
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

NETWORK = ("--backbone", "demonstration", "--image-size", "32", "--quiet", "--json")


class TooLong(BaseException):
    """A command took longer than it may."""


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str


def call(*arguments: object, seconds: int = 600) -> Said:
    """Run a command in this process, for so long at most."""
    from regraft.cli.main import main

    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv, code = ["regraft", *map(str, arguments)], 0
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    except TooLong:
        return Said(-1, "", f"took more than {seconds} s")
    finally:
        signal.alarm(0)
        sys.argv = before
    return Said(code, out.getvalue(), err.getvalue())


def too_long(*_: object) -> None:
    raise TooLong


def write_images(folder: Path, each: int = 12, classes: int = 3) -> None:
    """Some of scikit-learn's digits."""
    from regraft.data.digits import write_digits

    write_digits(folder)
    for digit in sorted(folder.iterdir()):
        for path in sorted(digit.iterdir())[each if int(digit.name) < classes else 0 :]:
            path.unlink()
        if int(digit.name) >= classes:
            digit.rmdir()


def make_bed(bed: Path) -> None:
    """Everything whole: images, a cache, runs, checkpoints, recipes, archives and tables."""
    images = bed / "images"
    write_images(images)
    done(call("train", images, "--strategy", "head", *NETWORK, "--out", bed / "run"))
    (bed / "recipes").mkdir()
    shutil.copy(bed / "run" / "recipe.json", bed / "recipes" / "recipe.json")
    pack(images, bed / "packed")
    interrupted_training(images, bed / "tuned")
    write_weights(bed / "fixed" / "weights.safetensors")
    done(call(*planned_with_another(bed)))
    save_dataset(images, bed / "dataset")


def write_weights(path: Path) -> None:
    """Random weights of a network that regraft does not ship."""
    import torch
    from safetensors.torch import save_file
    from torchvision.models import squeezenet1_1

    path.parent.mkdir()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save_file(squeezenet1_1().state_dict(), path)


def save_dataset(images: Path, folder: Path) -> None:
    """The images as a data set of the Hugging Face's, where its library is installed."""
    with contextlib.suppress(ImportError):
        import datasets

        datasets.disable_progress_bars()
        files = sorted(images.rglob("*.png"))
        classes = datasets.ClassLabel(names=sorted({file.parent.name for file in files}))
        rows = {
            "image": [{"bytes": file.read_bytes()} for file in files],
            "label": [file.parent.name for file in files],
        }
        features = datasets.Features({"image": datasets.Image(), "label": classes})
        datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(folder))


def done(said: Said) -> None:
    assert said.code == 0, said.err


def interrupted_training(images: Path, out: Path) -> None:
    """A fine-tuning that Ctrl-C ended in its second epoch."""
    from regraft.training.loop import Loop

    whole, epochs = Loop.train_epoch, []

    def once(loop: Loop) -> None:
        epochs.append(loop)
        if len(epochs) > 1:
            raise KeyboardInterrupt
        whole(loop)

    Loop.train_epoch = once  # type: ignore[method-assign]
    try:
        said = call("train", images, *TUNING, "--out", out)
    finally:
        Loop.train_epoch = whole  # type: ignore[method-assign]
    assert said.code == 130, said.err


TUNING = ("--strategy", "fine-tune", "--epochs", 2, "--batch-size", 8, *NETWORK)


def pack(images: Path, folder: Path) -> None:
    """The images as archives and tables."""
    folder.mkdir()
    files = sorted(images.rglob("*.png"))
    with zipfile.ZipFile(folder / "images.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(images))
    for name, mode in (("images.tar", "w"), ("images.tar.gz", "w:gz")):
        with tarfile.open(folder / name, mode) as packed:  # type: ignore[call-overload]
            packed.add(images, "images")
    rows = [{"image": str(file), "label": file.parent.name, "split": "train"} for file in files]
    (folder / "table.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "table.csv").write_text("\n".join(["image,label,split", *(",".join(row.values()) for row in rows)]))
    with contextlib.suppress(ImportError):
        from pyarrow import Table as Arrow
        from pyarrow import parquet

        parquet.write_table(Arrow.from_pylist(rows), folder / "table.parquet")


def planned_with_another(bed: Path) -> tuple[object, ...]:
    weights = (bed / "fixed").resolve() / "weights.safetensors"
    network = ("--backbone", "torchvision/squeezenet1_1", "--weights", weights, "--image-size", 64)
    return "plan", bed / "images", *network, "--quiet", "--json"
