"""What a search is made of: its journal, its figures, its space, its limits."""

from pathlib import Path

import numpy as np
import pytest
from optuna.trial import TrialState

from regraft.errors import RecipeError
from regraft.evaluation.tuning import halving
from regraft.evaluation.tuning.axis import Axis, axis_of
from regraft.evaluation.tuning.book import NETWORK, Entry
from regraft.evaluation.tuning.importance import importance_of
from regraft.evaluation.tuning.journal import mend
from regraft.evaluation.tuning.limits import Limits, Measured, limits_of
from regraft.evaluation.tuning.optimism import optimism_of
from regraft.evaluation.tuning.outcomes import COMPLETE, Figures, Outcome
from regraft.evaluation.tuning.space import RANGES, Facts, Kinds, checked_space, usual_space
from regraft.recipe import Recipe


def test_a_half_written_line_of_the_journal_is_cut_off(tmp_path: Path) -> None:
    journal = tmp_path / "journal.log"
    journal.write_bytes(b'{"op_code":0}\n{"op_co')
    mend(journal)
    assert journal.read_bytes() == b'{"op_code":0}\n'
    mend(journal)
    assert journal.read_bytes() == b'{"op_code":0}\n'
    journal.write_bytes(b'{"op')
    mend(journal)
    assert journal.read_bytes() == b""


def test_the_figure_of_the_best_of_many_alike_is_too_good() -> None:
    draw, corrected, best = np.random.default_rng(0), [], []
    for _ in range(20):
        alike = [draw.random(200) < 0.8 for _ in range(50)]
        found = optimism_of(alike, None, 0)
        assert found
        corrected.append(found.corrected)
        best.append(max(one.mean() for one in alike))
    assert np.mean(best) > 0.85
    assert abs(np.mean(corrected) - 0.8) < 0.015, "the truth is found again"
    one_is_best = [draw.random(200) < 0.5 for _ in range(49)] + [draw.random(200) < 0.95]
    surely = optimism_of(one_is_best, None, 0)
    assert surely
    assert (surely.near, surely.expected) == (1, 0.0)
    twice = optimism_of([alike[0], alike[0]], None, 0)
    assert twice
    assert twice.expected < 0.002, "the same answers twice are no choice"
    assert optimism_of(alike[:1], None, 0) is None


def test_importance_has_intervals_and_needs_trials() -> None:
    axes = [axis_of("learning_rate", {"low": 1e-5, "high": 1e-2, "log": True}), axis_of("mix", ["none", "mixup"])]
    draw = np.random.default_rng(0)

    def entry(number: int) -> Entry:
        rate = float(10 ** draw.uniform(-5, -2))
        figures = Figures(COMPLETE, 0.5, 0.9 + 0.02 * np.log10(rate), None)
        outcome = Outcome(figures, np.arange(3), np.ones(3, bool))
        params = {"learning_rate": rate, "mix": str(draw.choice(["none", "mixup"]))}
        return Entry(number, "", NETWORK, "", "", Recipe(), params, TrialState.COMPLETE, {}, outcome)

    entries = [entry(number) for number in range(30)]
    found = importance_of(entries, axes, 0)
    assert [one.name for one in found] == ["learning_rate", "mix"]
    assert found[0].low <= found[0].share <= found[0].high
    assert found[0].low > found[1].high
    assert importance_of(entries[:19], axes, 0) == ()


def test_rivals_are_of_the_same_strategy() -> None:
    def entry(number: int, strategy: str, curve: dict[int, float]) -> Entry:
        recipe = Recipe(strategy=strategy, epochs=8)
        return Entry(number, "", NETWORK, "", "", recipe, {}, TrialState.RUNNING, curve, None)

    tuned = [entry(number, "fine-tune", {1: 0.8, 2: 0.9, 3: 0.95}) for number in range(3)]
    scratch = entry(3, "from-scratch", {1: 0.2, 2: 0.3})
    assert halving.rivals_at(0.25, scratch, [*tuned, scratch]) == []
    assert halving.rivals_at(0.25, tuned[0], [*tuned, scratch]) == [0.9, 0.9]
    assert halving.rivals_at(0.5, tuned[0], [*tuned, scratch]) == [], "they did not get as far"


def test_the_worse_half_is_dropped_and_few_rivals_drop_nobody() -> None:
    assert halving.reason_to_drop(0.5, [0.6, 0.7], 2, 8) == ""
    assert "3 of 3 others were better" in halving.reason_to_drop(0.5, [0.6, 0.7, 0.8], 2, 8)
    assert halving.reason_to_drop(0.75, [0.6, 0.7, 0.8], 2, 8) == ""


def test_ranges_are_what_they_say() -> None:
    axis = axis_of("learning_rate", {"low": 1e-4, "high": 1e-2, "log": True, "points": 3})
    assert axis.grid() == (1e-4, 1e-3, 1e-2)
    assert axis_of("epochs", {"low": 2, "high": 4}).grid() == (2, 3, 4)
    assert axis.holds(5e-4)
    assert not axis.holds(1)
    assert Axis("cut", ("a + b",)).settings("a + b") == {"cut": None, "cuts": ("a", "b")}


def test_the_default_table_names_settings_and_a_source_for_each() -> None:
    facts = Facts([f"cut{i}" for i in range(8)], 10, 160, 224, 1.0, None, frozenset())
    space = usual_space(facts, Kinds(heads=True, networks=True))
    assert all(axis.source for axis in (*space.heads, *space.networks))
    named = {axis.name: axis for axis in space.networks}
    assert named["unfreeze_from"].values == (None, "cut1", "cut3", "cut5")
    assert named["image_size"].values == (128, 160, 224)
    assert (named["epochs"].low, named["epochs"].high) == (3, 10)
    limited = usual_space(Facts(["a"] * 8, 10, 160, 224, 10.0, 300.0, frozenset({"mix"})), Kinds(True, True))
    assert {axis.name: axis for axis in limited.networks}["epochs"].high == 5
    assert "mix" not in {axis.name for axis in limited.networks}
    page = (Path(__file__).parents[2] / "docs" / "tune.md").read_text()
    for axis in (*space.heads, *space.networks):
        assert f"`{axis.name}`" in page, axis.name
    assert RANGES.exists()


def test_limits() -> None:
    limits = limits_of("20ms", "10MB")
    assert limits == Limits(0.02, 1e7)
    assert limits.against(Measured(0.01, 5_000_000)) == ""
    assert "12.0 MB" in limits.against(Measured(0.01, 12_000_000))
    assert "30.0 ms" in limits.against(Measured(0.03, 5_000_000))


def test_settings_of_heads_and_networks_go_where_they_belong() -> None:
    both = checked_space({"pooling": ["average", "max"], "epochs": [1, 2], "image_size": [32, 64]}, Recipe())
    assert [axis.name for axis in both.heads] == ["pooling", "image_size"]
    assert [axis.name for axis in both.networks] == ["epochs", "image_size"]
    with pytest.raises(RecipeError, match="views"):
        checked_space({"views": [3]}, Recipe(strategy="from-scratch"))
