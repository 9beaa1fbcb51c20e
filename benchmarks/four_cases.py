"""The picture of the four cases in the documentation: docs/pictures/four-cases.svg.

    uv run python benchmarks/four_cases.py [FILE]

Draws the embedded network in each quadrant, as every report does for the user's own network and data. The early
layers end at its middle here; in a run the data decide where. It has a light ground of its own, so that it reads on
dark pages too.
"""

import argparse
from pathlib import Path

from regraft.network.load import load
from regraft.runs.four_cases import draw_cases

PICTURE = Path(__file__).parent.parent / "docs" / "pictures" / "four-cases.svg"


def four_cases() -> str:
    """The picture, as SVG."""
    cuts = load("embedded").cuts
    return draw_cases([(cut.name, cut.stride) for cut in cuts], early_cut=cuts[len(cuts) // 2].name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=PICTURE)
    place = parser.parse_args().file
    place.write_text(four_cases(), encoding="utf-8")
    print(place)
