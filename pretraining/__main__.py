"""Train the embedded backbone on a class folder, and export it into the package."""

import argparse
from dataclasses import fields
from pathlib import Path

from pretraining.batches import lessons_of
from pretraining.export import adopt, export
from pretraining.rename import rename
from pretraining.source import pack
from pretraining.teacher import write_lessons
from pretraining.train import Settings, train

PACKAGE = Path(__file__).parent.parent / "src" / "regraft" / "network" / "embedded"


def main() -> None:
    """Parse the command line and run the one step that it names."""
    parser = argparse.ArgumentParser(prog="python -m pretraining", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    packing = steps.add_parser("pack", help="decode the source once")
    packing.add_argument("source", type=Path, help="a folder with one folder of images for each class")
    packing.add_argument("--side", type=int, default=64, help="pixels a side that the images are kept at")
    renaming = steps.add_parser("rename", help="give a checkpoint's tensors timm's names")
    renaming.add_argument("checkpoint", type=Path, help="a teacher's weights, written by torch.save")
    renaming.add_argument("out", type=Path, help="the safetensors file to write")
    renaming.add_argument("--backbone", default="tf_efficientnet_lite2", help="timm's name of the architecture")
    teaching = steps.add_parser("teach", help="write what a larger network says of random crops")
    training = steps.add_parser("train", help="train, or go on where an earlier call stopped")
    exporting = steps.add_parser("export", help="write the files that ship, of a training")
    adopting = steps.add_parser("adopt", help="write the files that ship, of a network that others trained")
    for step in (packing, teaching, training, exporting, adopting):
        step.add_argument("work", type=Path, help="where the packed images, the lessons and the runs are kept")
    for step in (training, exporting):
        step.add_argument("--run", default="run", help="name of the training, a folder in WORK")
    for step in (teaching, training):
        step.add_argument("--lessons", default="lessons", help="name of a teacher's answers, a folder in WORK")
    for step in (packing, teaching):
        step.add_argument(
            "--photographs", help="name of a pack of pictures whose labels are not used, a folder in WORK"
        )
    for step in (training, exporting, adopting):
        step.add_argument("--photographs", help="such a pack that is used beside the source; to be learnt from, taught")
    adopting.add_argument("--backbone", required=True, help="timm's name of the architecture")
    adopting.add_argument("--weights", required=True, help="a safetensors file with its weights")
    teaching.add_argument("--backbone", default="torchvision/squeezenet1_1", help="as regraft's --backbone names it")
    teaching.add_argument("--weights", help="the teacher's weights, a local file")
    teaching.add_argument("--views", type=int, default=6, help="random crops of each image")
    teaching.add_argument("--size", type=int, default=128, help="pixels a side that the teacher sees")
    training.add_argument("--devices", default="auto", help="processes, as Lightning Fabric counts them")
    training.add_argument("--without-teacher", action="store_true", help="leave the lessons aside")
    for field in fields(Settings):
        many = {"nargs": "+", "type": int} if field.name == "sizes" else {"type": type(field.default)}
        training.add_argument("--" + field.name.replace("_", "-"), default=field.default, **many)
    exporting.add_argument("--names", type=Path, help="lines of FOLDER<TAB>NAME that give the classes' names")
    for step, size, sides in ((exporting, 96, [96, 128]), (adopting, 128, [])):
        step.add_argument("--size", type=int, default=size, help="pixels a side that the network is used at")
        step.add_argument(
            "--settle-at", type=int, nargs="*", default=sides, help="sides in pixels for batch norm's statistics"
        )
        step.add_argument("--to", type=Path, default=PACKAGE)
    run(parser.parse_args())


def run(given: argparse.Namespace) -> None:
    """One step."""
    if given.step == "rename":
        rename(given.checkpoint, given.out, given.backbone)
        return
    packed = given.work / "packed"
    photographs = given.work / given.photographs if getattr(given, "photographs", None) else None
    packs = [packed, photographs] if photographs else [packed]
    if given.step == "pack":
        pack(given.source, photographs or packed, given.side)
    elif given.step == "teach":
        out = lessons_of(photographs) if photographs else given.work / given.lessons
        write_lessons(photographs or packed, out, given.backbone, given.weights, given.views, given.size)
    elif given.step == "train":
        values = {field.name: getattr(given, field.name) for field in fields(Settings)}
        settings = Settings(**values | {"sizes": tuple(given.sizes)})
        lessons = None if given.without_teacher else given.work / given.lessons
        train(packed, lessons, given.work / given.run, settings, given.devices, photographs)
    elif given.step == "adopt":
        adopt(packs, given.backbone, given.weights, given.to, given.size, given.settle_at)
    else:
        export(packs, given.work / given.run / "checkpoint.pt", given.to, given.size, given.names, given.settle_at)


if __name__ == "__main__":
    main()
