"""How often the verdict is right on sets that the calibration has not seen.

    uv run python benchmarks/judge.py SETS [--backbone NAME] [--weights FILE]

SETS holds similar/NAME/CLASS/image and different/NAME/CLASS/image. Prints each set's score with its interval,
and how many verdicts are wrong, and wrong though the interval does not reach across the line.
"""

import argparse
import math
from pathlib import Path

from regraft.planning.prepare import prepare
from regraft.recipe import Recipe


def main() -> None:
    """Plan for every set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path)
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--weights")
    given = parser.parse_args()
    recipe = Recipe(backbone=given.backbone, weights=given.weights)
    wrong, sure, loss, roots = 0, 0, 0.0, sorted(path for path in given.sets.glob("*/*") if path.is_dir())
    for root in roots:
        truth = root.parent.name
        plan = prepare(root, recipe).plan
        score = plan.similarity.score
        wrong += plan.verdict != truth
        sure += plan.verdict != truth and not score.reaches_across(recipe.similar_from)
        loss -= math.log(score.value if truth == "similar" else 1 - score.value)
        mark = "" if plan.verdict == truth else "  WRONG"
        print(f"{truth:10} {root.name:24} {score.value:.2f} ({score.low:.2f} to {score.high:.2f}){mark}", flush=True)
    print(f"{given.backbone}: {wrong} of {len(roots)} wrong ({sure} of them surely), log loss {loss / len(roots):.3f}")


if __name__ == "__main__":
    main()
