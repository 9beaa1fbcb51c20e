"""Fit the score's calibration on reference sets, and print its error with each set left out.

    uv run python benchmarks/calibrate.py SETS [--weights squeezenet1_1.safetensors] [--kept DIR]

SETS holds similar/NAME/CLASS/image and different/NAME/CLASS/image. Every set is looked at with the embedded network
and, where its weights are given, with torchvision's SqueezeNet 1.1. Writes src/regraft/calibration.json, and for each
network the classifier of domains (domains.py) into its statistics file. With --kept what was seen of a set is kept
in DIR and found there again, so that a set can be added without looking at all of them: empty DIR after a change of
what is seen.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

import domains
from domains import Ridge, Seen
from regraft.data.find import find_images
from regraft.data.split import folds_of, split_images, subsample
from regraft.features.features import Features, extract
from regraft.network import backbone as backbones
from regraft.network.backbone import Backbone
from regraft.network.cuts import trace
from regraft.similarity.domain_classifier import TENTHS
from regraft.similarity.measure import (
    PROFILE_IMAGES,
    earliest_good,
    label_free,
    paired,
    profile,
    without_groups,
    witnesses_of,
)
from regraft.similarity.score import Witnesses, jackknife, log_odds, logistic
from regraft.similarity.shift import unit_of

OUT = Path(__file__).parents[1] / "src" / "regraft" / "calibration.json"
THINNED, FEWEST = 0.1, 3  # share of a set's images, and images of a class at least
WITNESSES = [field.name for field in fields(Witnesses)]
LOOKED_AT = [name for name in WITNESSES if name != "likeness"]  # that comes later, from a classifier fitted to all
KINDS = (  # of models, by the witnesses that must be known, best first
    ["likeness"],
    ["gain", "log_shift", "log_distance"],
    ["gain", "log_shift"],
    ["gain"],
)
STRENGTH = 1.0  # of the fit, against its penalty: scikit-learn's C, on standardised witnesses


def look(root: Path, backbone: Backbone) -> tuple[dict[str, Any], Seen]:
    """A set's witnesses on its training part, how many images that has, and the witnesses of a thinned one.

    All but the likeness, for which it gives what the classifier sees. And how far a probe at the last cut is ahead of
    one at the early cut that case 2 would take, with the paired standard error.
    """
    traced = trace(backbone.model, backbone.preprocessing.size)
    features = extract(find_images(root), backbone, traced)
    split = split_images(features.images, features.pixels, 0)
    chosen = subsample(features.labels[split.train], PROFILE_IMAGES)
    rows, folds = split.train[chosen], split.folds[chosen]
    found, _, right = witnesses_at(features, backbone, rows, folds)
    ahead, error = paired(right[-1], right[earliest_good(right[:-1])])
    few, few_folds = thinned(features, split.train, THINNED, 0)
    thin, errors, _ = witnesses_at(features, backbone, few, few_folds)
    row = {
        "images": len(split.train), **vars(found), "thinned": {"images": len(few), **vars(thin), "errors": errors},
        "last_ahead": {"by": ahead, "error": error},
    }  # fmt: skip
    return row, domains.seen_of(root, backbone, traced, features, rows, few)


def look_once(root: Path, backbone: Backbone, kept: Path | None) -> tuple[dict[str, Any], Seen]:
    """The same, kept in the folder ``kept`` or found there."""
    if kept is None:
        return look(root, backbone)
    path = kept / f"{backbone.fingerprint()[:8]}-{root.parent.name}-{root.name}.npz"
    if not path.exists():
        kept.mkdir(parents=True, exist_ok=True)
        domains.keep(path, *look(root, backbone))
    return domains.kept(path)


def witnesses_at(
    features: Features, backbone: Backbone, rows: np.ndarray, folds: np.ndarray
) -> tuple[Witnesses, list[float], list[np.ndarray]]:
    """The witnesses of the images ``rows``, their standard errors, and the probes' hits at each cut."""
    found = label_free(features, rows, backbone.statistics, unit_of(features.cuts, backbone.statistics))
    if found.relative is None or found.distance is None:
        raise SystemExit(f"too little is known of the source of {backbone.name}")
    right = profile(features, rows, folds)
    parts = [each.of(LOOKED_AT) for each in without_groups(right, found)]
    errors = [jackknife(part) for part in zip(*parts, strict=True)]
    return witnesses_of(right, found.relative.value, found.distance.value, None), errors, right


def thinned(features: Features, rows: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A random ``share`` of each class's images among ``rows``, and their folds."""
    draw, labels = np.random.default_rng(seed), features.labels
    parts = [draw.permutation(rows[labels[rows] == label]) for label in np.unique(labels)]
    few = np.sort(np.concatenate([part[: max(FEWEST, round(share * len(part)))] for part in parts]))
    return few, folds_of(labels[few], [features.pixels[row] for row in few], 0)


def thinning(rows: list[dict[str, Any]]) -> dict[str, float]:
    """How far each witness of thinned sets lies from the whole ones', beyond its error.

    Root mean square, times the root of the images.
    """
    found = {}
    for index, name in enumerate(WITNESSES):
        few = [row["thinned"] for row in rows]
        apart = np.array([thin[name] - row[name] for thin, row in zip(few, rows, strict=True)])
        errors, images = np.array([thin["errors"][index] for thin in few]), np.array([thin["images"] for thin in few])
        beyond = np.maximum(np.square(apart) - np.square(errors), 0) * images
        found[name] = float(np.sqrt(beyond.mean()))
    return found


def fit(rows: list[dict[str, Any]], kind: Sequence[str]) -> list[float]:
    """Offset and weights of the logistic model on the witnesses; both kinds weigh as much, however many their sets."""
    x = np.array([[row[name] for name in kind] for row in rows])
    mean, std = x.mean(0), x.std(0)
    found = LogisticRegression(C=STRENGTH, class_weight="balanced").fit(
        (x - mean) / std, [row["similar"] for row in rows]
    )
    weights = found.coef_[0] / std
    return [float(found.intercept_[0] - weights @ mean), *map(float, weights)]


def calibrate(rows: list[dict[str, Any]], kind: Sequence[str]) -> dict[str, Any]:
    """The model, the same with each tenth of the sets left out, and the witnesses' means.

    Prints what models say of a set that they have not seen, and of a set and a network that they have not seen.
    """
    names = sorted({row["set"] for row in rows})
    tenth = dict(zip(names, domains.tenths_of(names), strict=True))
    left_out = {name: fit([row for row in rows if row["set"] != name], kind) for name in names}
    for row in rows:
        row["left_out"] = said(row, left_out[row["set"]], kind)
    report(rows, "left_out", f"{', '.join(kind)}: the set left out")
    networks = sorted({row["backbone"] for row in rows})
    unknown = len(networks) > 1 and "likeness" not in kind  # which a network not seen does not have
    for row in rows if unknown else ():
        others = [known for known in rows if known["backbone"] != row["backbone"] and known["set"] != row["set"]]
        row["unknown"] = said(row, fit(others, kind), kind)
    if unknown:
        report(rows, "unknown", f"{', '.join(kind)}: the set and the network left out")
    return {
        "of": list(kind),
        "model": fit(rows, kind),
        "left_out": [fit([row for row in rows if tenth[row["set"]] != left], kind) for left in range(TENTHS)],
        "middle": [float(np.mean([row[name] for row in rows])) for name in kind],
    }


def said(row: dict[str, Any], model: list[float], kind: Sequence[str]) -> float:
    """The score that a model gives a set."""
    return logistic(log_odds([row[name] for name in kind], model))


def report(rows: list[dict[str, Any]], key: str, title: str) -> None:
    """Print how often, how far and where the scores under ``key`` are wrong, for each network."""
    for network in sorted({row["backbone"] for row in rows}):
        own = [row for row in rows if row["backbone"] == network]
        wrong = [row for row in own if (row[key] >= 0.5) != row["similar"]]
        loss = -np.mean([np.log(row[key] if row["similar"] else 1 - row[key]) for row in own])
        listed = ", ".join(f"{row['set']} {row[key]:.2f}" for row in wrong)
        print(f"{title}: {network}: {len(wrong)} of {len(own)} wrong, log loss {loss:.3f}: {listed}")


def cost_of(row: dict[str, Any]) -> str:
    """What a probe loses by the verdict with the set left out, where that is more than a standard error."""
    ahead = row["last_ahead"]
    lost = -ahead["by"] if row["left_out"] >= 0.5 else ahead["by"]
    return f", costs {lost:.1%} (standard error {ahead['error']:.1%})" if lost > ahead["error"] else ""


def main() -> None:
    """Look at every set, fit, report, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="?", help="leave it out to fit anew on the figures already written")
    parser.add_argument("--weights", help="of torchvision/squeezenet1_1")
    parser.add_argument("--kept", type=Path, help="folder for what was seen of each set")
    given = parser.parse_args()
    rows = look_at_all(given.sets, given.weights, given.kept) if given.sets else json.loads(OUT.read_text())["sets"]
    models = [calibrate(rows, kind) for kind in reversed(KINDS)][::-1]  # the best last: its words stay in the rows
    for row in rows:
        truth = "similar" if row["similar"] else "different"
        print(f"{row['backbone']:28} {row['set']:18} {truth:10} left out: {row['left_out']:.2f}{cost_of(row)}")
    for row in rows:
        row["score"] = said(row, models[0]["model"], KINDS[0])
    kept = ("set", "backbone", "similar", "images", *WITNESSES, "thinned", "last_ahead", "score")
    sets = [{key: row[key] for key in kept} for row in rows]
    written = {"models": models, "thinned": thinning(rows), "sets": sets}
    apart = ", ".join(f"{name} {value:.2f}" for name, value in written["thinned"].items())
    print(f"thinned, over the root of the images: {apart}")
    OUT.write_text(json.dumps(written, indent=1) + "\n")


def look_at_all(sets: Path, weights: str | None, kept: Path | None) -> list[dict[str, Any]]:
    """The witnesses of every set, with each network."""
    looked = [backbones.load("embedded")]
    looked += [backbones.load("torchvision/squeezenet1_1", weights)] if weights else []
    return [row for backbone in looked for row in look_with(backbone, sorted(sets.glob("*/*")), kept)]


def look_with(backbone: Backbone, roots: Sequence[Path], kept: Path | None) -> Iterator[dict[str, Any]]:
    """The witnesses of every set with one network; writes the network's classifier of domains.

    The likeness of each set is that of a classifier which has not seen it.
    """
    rows, sets = [], []
    for root in roots:
        row = {"set": root.name, "backbone": backbone.name, "similar": root.parent.name == "similar"}
        found, seen = look_once(root, backbone, kept)
        rows.append(row | found)
        sets.append(seen)
        print(progress_of(rows[-1]), flush=True)
    ridge = Ridge(sets)
    domains.write(backbone, ridge, [row["set"] for row in rows])
    wrong: Counter[tuple[bool, str]] = Counter()
    for index, (row, seen) in enumerate(zip(rows, sets, strict=True)):
        judge = ridge.solve(without=[index])
        row["likeness"], row["thinned"]["likeness"], error = domains.words(seen, *judge)
        row["thinned"]["errors"].append(error)
        wrong.update((seen.similar, name) for name in domains.taken_wrongly(seen, *judge))
        yield row
    for (similar, name), count in sorted(wrong.items()):
        kind = "similar" if similar else "different"
        of = sum(seen.similar == similar for seen in sets)
        print(f"likeness: {backbone.name}: {name}: {count} of {of} {kind} sets on the wrong side of nought")


def progress_of(row: dict[str, Any]) -> str:
    """A set's witnesses in a line."""
    truth = "similar" if row["similar"] else "different"
    return (
        f"{row['backbone']:28} {truth:10} {row['set']:18} {row['images']:5} gain {row['gain']:6.2f}"
        f" ({row['thinned']['gain']:.2f} in {row['thinned']['images']}) log shift {row['log_shift']:6.2f}"
        f" log distance {row['log_distance']:6.2f}"
    )


if __name__ == "__main__":
    main()
