"""Fit the judge on reference sets, and print how often it is wrong about a set that it has not seen.

    uv run python benchmarks/calibrate.py [SETS] [--kept DIR]

SETS holds similar/NAME/CLASS/image and different/NAME/CLASS/image (benchmarks/REFERENCE_SETS.md). Writes the classifier
of domains (domains.py) into the embedded network's file, and the logistic model on its opinion into
src/regraft/similarity/calibration.json. Without SETS only that model is fitted anew, on the opinions that are in there.
With --kept what was seen of a set is kept in DIR and found there again: empty it after a change of what is seen.

The models on the gain from depth and the shift in that file stay as they are. They were fitted on the same sets.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

import domains
from domains import Ridge, Seen
from regraft.data.find import find_images
from regraft.data.split import split_images, subsample
from regraft.features.extract import extract
from regraft.network.load import embedded
from regraft.similarity.domain_classifier import TENTHS
from regraft.similarity.measure import JUDGED_IMAGES
from regraft.similarity.score import logistic

OUT = Path(__file__).parents[1] / "src" / "regraft" / "similarity" / "calibration.json"
THINNED, FEWEST = 0.1, 3  # share of a set's images, and images of a class at least
STRENGTH = 1.0  # of the fit, against its penalty: scikit-learn's C, on the standardised opinion


def look(root: Path) -> tuple[dict[str, Any], Seen]:
    """What is known of a set before the classifier is fitted, and what the classifier sees of it."""
    features = extract(find_images(root), embedded())
    train = split_images(features.images, features.pixels, 0).train
    few = thinned(features.labels, train)
    rows = train[subsample(features.labels[train], JUDGED_IMAGES)]
    row = {"set": root.name, "similar": root.parent.name == "similar", "images": len(train)}
    return row | {"thinned": {"images": len(few)}}, domains.seen_of(root, features, rows, few)


def look_once(root: Path, folder: Path | None) -> tuple[dict[str, Any], Seen]:
    """The same, kept in ``folder`` or found there."""
    if folder is None:
        return look(root)
    path = folder / f"{embedded().fingerprint[:8]}-{root.parent.name}-{root.name}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        domains.keep(path, *look(root))
    return domains.kept(path)


def thinned(labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """A random tenth of each class's images among ``rows``."""
    draw = np.random.default_rng(0)
    parts = [draw.permutation(rows[labels[rows] == label]) for label in np.unique(labels)]
    return np.sort(np.concatenate([part[: max(FEWEST, round(THINNED * len(part)))] for part in parts]))


def look_at_all(sets: Path, folder: Path | None) -> list[dict[str, Any]]:
    """Every set with the opinion of a classifier that has not seen it; writes the classifier of them all."""
    looked = [look_once(root, folder) for root in sorted(sets.glob("*/*"))]
    ridge = Ridge([seen for _, seen in looked])
    domains.write(ridge, [row["set"] for row, _ in looked])
    for index, (row, seen) in enumerate(looked):
        solution = ridge.solve(without=[index])
        row["domain"], row["thinned"]["domain"], row["thinned"]["error"] = domains.opinions(seen, *solution)
    return [row for row, _ in looked]


def fit(rows: list[dict[str, Any]]) -> list[float]:
    """Offset and weight of the logistic model on the opinion; both kinds weigh as much, however many their sets."""
    x = np.array([[row["domain"]] for row in rows])
    mean, std = x.mean(0), x.std(0)
    model = LogisticRegression(C=STRENGTH, class_weight="balanced").fit(
        (x - mean) / std, [row["similar"] for row in rows]
    )
    weights = model.coef_[0] / std
    return [float(model.intercept_[0] - weights @ mean), float(weights[0])]


def score_of(row: dict[str, Any], model: list[float]) -> float:
    """The score that a model gives a set."""
    return logistic(model[0] + model[1] * row["domain"])


def thinning(rows: list[dict[str, Any]]) -> float:
    """How far the opinion of thinned sets lies from the whole ones', beyond its error, times the root of the images."""
    few = [row["thinned"] for row in rows]
    apart = np.array([thin["domain"] - row["domain"] for thin, row in zip(few, rows, strict=True)])
    beyond = np.maximum(np.square(apart) - np.square([thin["error"] for thin in few]), 0)
    return float(np.sqrt((beyond * [thin["images"] for thin in few]).mean()))


def main() -> None:
    """Look at every set, fit, report, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="?")
    parser.add_argument("--kept", type=Path, help="folder for what was seen of each set")
    arguments = parser.parse_args()
    calibration = json.loads(OUT.read_text())
    rows = look_at_all(arguments.sets, arguments.kept) if arguments.sets else calibration["sets"]
    model, tenths = fit(rows), domains.tenths_of([row["set"] for row in rows])
    wrong, loss = 0, 0.0
    for row in rows:
        left_out = score_of(row, fit([other for other in rows if other["set"] != row["set"]]))
        missed = (left_out >= 0.5) != row["similar"]
        wrong, loss = wrong + missed, loss - np.log(left_out if row["similar"] else 1 - left_out)
        kind = "similar" if row["similar"] else "different"
        print(f"{row['set']:20} {kind:10} left out: {left_out:.2f}{'  WRONG' if missed else ''}")
        row["score"] = score_of(row, model)
    print(f"{wrong} of {len(rows)} wrong, log loss {loss / len(rows):.3f}")
    without_tenth = [
        fit([row for row, own in zip(rows, tenths, strict=True) if own != tenth]) for tenth in range(TENTHS)
    ]
    middle = [float(np.mean([row["domain"] for row in rows]))]
    calibration["models"][0] = {"of": ["domain"], "model": model, "left_out": without_tenth, "middle": middle}
    calibration["thinned"]["domain"] = thinning(rows)
    calibration["sets"] = rows
    OUT.write_text(json.dumps(calibration, indent=1) + "\n")


if __name__ == "__main__":
    main()
