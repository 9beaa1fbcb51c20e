"""Fit the score's calibration on reference sets, and print its error with each set left out.

    uv run python benchmarks/calibrate.py SETS [--weights squeezenet1_1.safetensors]

SETS holds similar/NAME/CLASS/image and different/NAME/CLASS/image. Every set is looked at with the embedded network
and, where its weights are given, with torchvision's SqueezeNet 1.1. Writes src/regraft/calibration.json.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from regraft import backbone as backbones
from regraft.backbone import Backbone
from regraft.cuts import trace
from regraft.features import extract
from regraft.finding import find_images
from regraft.similarity import witnesses_of
from regraft.split import split_images
from regraft.verdict import Witnesses, log_odds, logistic

OUT = Path(__file__).parents[1] / "src" / "regraft" / "calibration.json"
STRENGTH = 3.0  # of the fit, against its penalty: scikit-learn's C, on standardised witnesses


def look(root: Path, backbone: Backbone) -> tuple[Witnesses, int]:
    """A set's witnesses, on its training part, and how many images that has."""
    traced = trace(backbone.model, backbone.preprocessing.size)
    features = extract(find_images(root), backbone, traced)
    split = split_images(features.images, features.pixels, 0)
    return witnesses_of(features, split.train, split.folds, backbone.statistics), len(split.train)


def fit(rows: list[dict[str, Any]], shift: bool) -> list[float]:
    """Offset and weights of the logistic model on the witnesses."""
    x = np.array([[row["gain"], row["log_shift"]] if shift else [row["gain"]] for row in rows])
    mean, std = x.mean(0), x.std(0)
    found = LogisticRegression(C=STRENGTH).fit((x - mean) / std, [row["similar"] for row in rows])
    weights = found.coef_[0] / std
    return [float(found.intercept_[0] - weights @ mean), *map(float, weights)]


def calibrate(rows: list[dict[str, Any]], shift: bool) -> dict[str, Any]:
    """The model, the same with each set left out, and those models' probabilities for the sets they have not seen."""
    names = sorted({row["set"] for row in rows})
    left_out = {name: fit([row for row in rows if row["set"] != name], shift) for name in names}
    wrong = []
    for row in rows:
        found = Witnesses(row["gain"], row["log_shift"] if shift else None)
        row["left_out"] = logistic(log_odds(found, left_out[row["set"]]))
        if (row["left_out"] >= 0.5) != row["similar"]:
            wrong.append(f"{row['set']} ({row['backbone']}): {row['left_out']:.2f}")
    print(f"{'gain and shift' if shift else 'gain alone'}: {len(wrong)} of {len(rows)} wrong: {', '.join(wrong)}")
    middle = np.array([[row["gain"], row["log_shift"]] for row in rows]).mean(0)
    return {"model": fit(rows, shift), "left_out": [left_out[name] for name in names], "middle": middle.tolist()}


def main() -> None:
    """Look at every set, fit, report, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path)
    parser.add_argument("--weights", help="of torchvision/squeezenet1_1")
    given = parser.parse_args()
    looked = [backbones.load("embedded")]
    looked += [backbones.load("torchvision/squeezenet1_1", given.weights)] if given.weights else []
    rows: list[dict[str, Any]] = []
    for backbone in looked:
        for root in sorted(given.sets.glob("*/*")):
            found, images = look(root, backbone)
            row = {
                "set": root.name, "backbone": backbone.name, "similar": root.parent.name == "similar",
                "images": images, "gain": found.gain, "log_shift": found.log_shift,
            }  # fmt: skip
            rows.append(row)
            print(f"{backbone.name:28} {root.parent.name:10} {root.name:18} {images:5} gain {found.gain:6.2f}"
                  f" log shift {found.log_shift:6.2f}", flush=True)  # fmt: skip
    alone = calibrate(rows, shift=False)
    both = calibrate(rows, shift=True)
    for row in rows:
        truth = "similar" if row["similar"] else "different"
        print(f"{row['backbone']:28} {row['set']:18} {truth:10} left out: {row['left_out']:.2f}")
    for row in rows:
        row["score"] = logistic(log_odds(Witnesses(row["gain"], row["log_shift"]), both["model"]))
    kept = ("set", "backbone", "similar", "images", "score")
    sets = [{key: row[key] for key in kept} for row in rows]
    OUT.write_text(json.dumps({"with_shift": both, "gain_alone": alone, "sets": sets}, indent=1) + "\n")


if __name__ == "__main__":
    main()
