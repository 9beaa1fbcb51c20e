"""Two checks of the plan on any sets: how steady the score is when images are few, and how good case 2's cut is.

    uv run python benchmarks/plan_checks.py SET... [--backbone NAME] [--weights FILE] [--draws 10] [--share 0.1]

For each set: in how many draws of a tenth of the images the score moved by less than the margin that the plan states,
in how many the interval (which is even in log odds, not in the score) holds the whole set's score, in how many the
score moved by less than half the interval's width, and a head's test accuracy at every early cut, the chosen one
marked.
"""

import argparse
from pathlib import Path

from calibrate import thinned
from regraft.features.features import Features, silent
from regraft.planning.prepare import Prepared, prepare
from regraft.recipe import Recipe
from regraft.similarity.measure import measure_similarity
from regraft.training.frozen import train_frozen
from regraft.training.strategy import probabilities_of


def steadiness(features: Features, prepared: Prepared, draws: int, share: float) -> str:
    """In how many draws the score moved by less than the margin, stays in the interval, moved by half its width."""
    whole = prepared.plan.similarity.score.value
    less = held = near = 0
    found = []
    for draw in range(draws):
        chosen, folds = thinned(features, prepared.split.train, share, draw)
        score = measure_similarity(
            features, chosen, folds, prepared.backbone.statistics, prepared.plan.similarity.unit
        ).score
        less += abs(score.value - whole) < score.margin
        held += score.low <= whole <= score.high
        near += 2 * abs(score.value - whole) <= score.high - score.low
        found.append(score.value)
    spread = f"{min(found):.3f} to {max(found):.3f}"
    return (
        f"score {whole:.3f}, in draws {spread}, moved by less than its margin {less} of {draws} times, held by the"
        f" interval {held}, moved by less than half its width {near}"
    )


def cuts(prepared: Prepared) -> str:
    """Test accuracy of a head at each cut before the last; the chosen one in brackets."""
    labels, test = prepared.features.labels, prepared.split.test
    parts, accuracy = [], {}
    for cut in prepared.traced.cuts[:-1]:
        recipe = prepared.recipe.but(strategy="early-layers", cut=cut.name)
        probabilities = probabilities_of(prepared, train_frozen(prepared, recipe, silent), test)
        accuracy[cut.name] = float((probabilities.argmax(1) == labels[test]).mean())
        mark = "[{}]" if cut.name == prepared.plan.similarity.best_early_cut else "{}"
        parts.append(mark.format(f"{cut.name} {accuracy[cut.name]:.1%}"))
    behind = max(accuracy.values()) - accuracy[prepared.plan.similarity.best_early_cut]
    return f"{behind:.1%} behind the best of {len(test)} test images: {', '.join(parts)}"


def main() -> None:
    """Check every set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--weights")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--share", type=float, default=0.1)
    given = parser.parse_args()
    recipe = Recipe(backbone=given.backbone, weights=given.weights)
    for root in given.sets:
        prepared = prepare(root, recipe)
        print(f"{root.name}: {prepared.plan.case}; {steadiness(prepared.features, prepared, given.draws, given.share)}")
        print(f"  cut {cuts(prepared)}", flush=True)


if __name__ == "__main__":
    main()
