"""Train the embedded backbone on a class folder, and export it into the package."""

import argparse
from pathlib import Path

from pretraining.export import export
from pretraining.source import pack
from pretraining.train import Settings, train

PACKAGE = Path(__file__).parent.parent / "src" / "regraft" / "embedded"


def main() -> None:
    """Parse the command line and run the one step that it names."""
    parser = argparse.ArgumentParser(prog="python -m pretraining", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    training = steps.add_parser("train", help="train, or go on where an earlier call stopped")
    training.add_argument("source", type=Path, help="a folder with one folder of images for each class")
    training.add_argument("work", type=Path, help="where the packed images and the checkpoint are kept")
    training.add_argument("--epochs", type=int, default=Settings.epochs)
    exporting = steps.add_parser("export", help="write the files that ship")
    exporting.add_argument("work", type=Path, help="the folder that train was given")
    exporting.add_argument("--size", type=int, default=96, help="pixels a side that the network is used at")
    exporting.add_argument("--names", type=Path, help="lines of FOLDER<TAB>NAME that give the classes' names")
    exporting.add_argument("--to", type=Path, default=PACKAGE)
    given = parser.parse_args()
    if given.step == "train":
        pack(given.source, given.work / "packed", size=64)
        train(given.work / "packed", given.work / "run", Settings(epochs=given.epochs))
    else:
        export(given.work / "packed", given.work / "run" / "checkpoint.pt", given.to, given.size, given.names)


if __name__ == "__main__":
    main()
