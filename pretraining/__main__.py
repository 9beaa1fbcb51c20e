"""Make the files of the embedded network, from weights that others trained."""

import argparse
from pathlib import Path

from pretraining.adopt import adopt, rename

PACKAGE = Path(__file__).parent.parent / "src" / "regraft" / "network" / "embedded"


def main() -> None:
    """Parse the command line and run the one step that it names."""
    parser = argparse.ArgumentParser(prog="python -m pretraining", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    renaming = steps.add_parser("rename", help="give a checkpoint's tensors timm's names")
    renaming.add_argument("checkpoint", type=Path, help="weights that torch.save wrote")
    renaming.add_argument("out", type=Path, help="the safetensors file to write")
    adopting = steps.add_parser("adopt", help="write the files that ship")
    adopting.add_argument("photographs", type=Path, help="a folder of images that the network was trained on")
    adopting.add_argument("--weights", required=True, help="a safetensors file with its weights")
    adopting.add_argument("--size", type=int, default=128, help="pixels a side that the network is used at")
    adopting.add_argument("--licence", help="of the weights, as their publisher says, such as apache-2.0")
    adopting.add_argument("--to", type=Path, default=PACKAGE)
    for step in (renaming, adopting):
        step.add_argument("--backbone", default="tf_efficientnet_lite0", help="timm's name of the architecture")
    arguments = parser.parse_args()
    if arguments.step == "rename":
        rename(arguments.checkpoint, arguments.out, arguments.backbone)
    else:
        wanted = (arguments.to, arguments.size, arguments.licence)
        adopt(arguments.backbone, arguments.weights, arguments.photographs, *wanted)


if __name__ == "__main__":
    main()
