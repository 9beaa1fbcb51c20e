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
from regraft.verdict import ANY_NETWORK, Witnesses, log_odds, logistic

OUT = Path(__file__).parents[1] / "src" / "regraft" / "calibration.json"
STRENGTH = 3.0  # of the fit, against its penalty: scikit-learn's C, on standardised witnesses


def look(root: Path, backbone: Backbone) -> tuple[Witnesses, int]:
    """A set's witnesses, on its training part, and how many images that has."""
    traced = trace(backbone.model, backbone.preprocessing.size)
    features = extract(find_images(root), backbone, traced)
    split = split_images(features.images, features.pixels, 0)
    return witnesses_of(features, split.train, split.folds, backbone.statistics), len(split.train)


def fit(rows: list[dict[str, Any]], shift: bool) -> dict[str, list[float]]:
    """Offset and weights of the logistic model on the witnesses: for any network, and for each that was looked with.

    Partial pooling (Gelman and Hill, 2007, chapter 13): what a network adds to the shared offset and weights is held
    to the same penalty as they are.
    """
    x = np.array([witnesses_in(row, shift) for row in rows])
    mean, std = x.mean(0), x.std(0)
    networks = sorted({row["backbone"] for row in rows})
    own = np.array([[float(row["backbone"] == name) for name in networks] for row in rows]) - 1 / len(networks)
    base = np.column_stack([np.ones(len(x)), (x - mean) / std])
    design = np.column_stack([base[:, 1:], *(own[:, [i]] * base for i in range(len(networks)))])
    found = LogisticRegression(C=STRENGTH).fit(design, [row["similar"] for row in rows])
    shared = np.concatenate([found.intercept_, found.coef_[0, : x.shape[1]]])
    added = found.coef_[0, x.shape[1] :].reshape(len(networks), -1)
    models = {ANY_NETWORK: shared}
    models |= {name: shared + added[i] - added.mean(0) for i, name in enumerate(networks)}
    return {name: unscaled(model, mean, std) for name, model in models.items()}


def witnesses_in(row: dict[str, Any], shift: bool) -> list[float]:
    """The witnesses of a set."""
    return [row["gain"], row["log_shift"]] if shift else [row["gain"]]


def unscaled(model: np.ndarray, mean: np.ndarray, std: np.ndarray) -> list[float]:
    """Offset and weights of standardised witnesses -> those of the witnesses as they are."""
    weights = model[1:] / std
    return [float(model[0] - weights @ mean), *map(float, weights)]


def calibrate(rows: list[dict[str, Any]], shift: bool) -> dict[str, Any]:
    """By network: the model, the same with each set left out, and the witnesses' means.

    Prints what the models say of the sets that they have not seen, with the network's own and with the shared weights.
    """
    names = sorted({row["set"] for row in rows})
    left_out = {name: fit([row for row in rows if row["set"] != name], shift) for name in names}
    for row in rows:
        found, models = Witnesses(row["gain"], row["log_shift"] if shift else None), left_out[row["set"]]
        row["left_out"] = logistic(log_odds(found, models[row["backbone"]]))
        row["left_out_shared"] = logistic(log_odds(found, models[ANY_NETWORK]))
    for key, weights in (("left_out", "own weights"), ("left_out_shared", "shared weights")):
        wrong = [row for row in rows if (row[key] >= 0.5) != row["similar"]]
        listed = ", ".join(f"{row['set']} ({row['backbone']}): {row[key]:.2f}" for row in wrong)
        kind = "gain and shift" if shift else "gain alone"
        print(f"{kind}, {weights}: {len(wrong)} of {len(rows)} wrong: {listed}")
    return {
        name: {
            "model": model,
            "left_out": [left_out[one][name] for one in names],
            "middle": middle_of([row for row in rows if name in {row["backbone"], ANY_NETWORK}]),
        }
        for name, model in fit(rows, shift).items()
    }


def middle_of(rows: list[dict[str, Any]]) -> list[float]:
    """The witnesses' means."""
    return [float(value) for value in np.array([witnesses_in(row, True) for row in rows]).mean(0)]


def main() -> None:
    """Look at every set, fit, report, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="?", help="leave it out to fit anew on the figures already written")
    parser.add_argument("--weights", help="of torchvision/squeezenet1_1")
    given = parser.parse_args()
    rows = look_at_all(given.sets, given.weights) if given.sets else json.loads(OUT.read_text())["sets"]
    alone = calibrate(rows, shift=False)
    both = calibrate(rows, shift=True)
    for row in rows:
        truth = "similar" if row["similar"] else "different"
        print(f"{row['backbone']:28} {row['set']:18} {truth:10} left out: {row['left_out']:.2f}")
    for row in rows:
        row["score"] = logistic(log_odds(Witnesses(row["gain"], row["log_shift"]), both[row["backbone"]]["model"]))
    kept = ("set", "backbone", "similar", "images", "gain", "log_shift", "score")
    sets = [{key: row[key] for key in kept} for row in rows]
    OUT.write_text(json.dumps({"with_shift": both, "gain_alone": alone, "sets": sets}, indent=1) + "\n")


def look_at_all(sets: Path, weights: str | None) -> list[dict[str, Any]]:
    """The witnesses of every set, with each network."""
    looked = [backbones.load("embedded")]
    looked += [backbones.load("torchvision/squeezenet1_1", weights)] if weights else []
    rows: list[dict[str, Any]] = []
    for backbone in looked:
        for root in sorted(sets.glob("*/*")):
            found, images = look(root, backbone)
            row = {
                "set": root.name, "backbone": backbone.name, "similar": root.parent.name == "similar",
                "images": images, "gain": found.gain, "log_shift": found.log_shift,
            }  # fmt: skip
            rows.append(row)
            print(f"{backbone.name:28} {root.parent.name:10} {root.name:18} {images:5} gain {found.gain:6.2f}"
                  f" log shift {found.log_shift:6.2f}", flush=True)  # fmt: skip
    return rows


if __name__ == "__main__":
    main()
