"""What every strategy would take, and what speaks for it."""

from dataclasses import replace

import pytest
from plans import NETWORK, plan_for, similarity

from regraft.planning.costs import chance, last_layers, without_last_layers
from regraft.planning.defaults import epochs_of


def test_leaving_out_the_last_layers_is_judged_by_the_probes() -> None:
    found = similarity(0.9)
    assert without_last_layers(found) == "leaving out the last layers costs about 10.0 points"
    assert "though they gain 10.0 points here: compare both" in last_layers(found)
    for behind, without, kept in [
        (-0.01, "changes little (1.0 points, which may be chance)", "change little here (1.0 points"),
        (-0.2, "gains about 20.0 points", "and cost 20.0 points here"),
    ]:
        level = replace(found, profile=tuple(replace(point, behind_last=behind) for point in found.profile))
        assert without_last_layers(level).endswith(without)
        assert kept in last_layers(level)


def test_what_speaks_against_a_strategy_comes_first_and_is_computed() -> None:
    few = {cost.strategy: cost.why for cost in plan_for(0.9, 100).costs}
    assert few["head"] == "it trains 130 weights, 1 an image"
    assert few["fine-tune"].startswith("100 images are few for")
    assert few["from-scratch"].startswith("100 images cannot train")
    many = {cost.strategy: cost.why for cost in plan_for(0.9, 60_000).costs}
    assert many["head"] == many["early-layers"] == "60,000 images are enough to adapt every layer"
    assert many["from-scratch"].startswith("60,000 images train")
    assert plan_for(0.9, 100, strategy="early-layers").costs[0].why.startswith("the last layers were made for")


@pytest.mark.parametrize(("difference", "error", "doubt"), [(0.03, 0.02, True), (0.05, 0.02, False), (0, 0, True)])
def test_under_two_standard_errors_a_difference_may_be_chance(difference: float, error: float, doubt: bool) -> None:
    assert chance(difference, error) == chance(-difference, error) == ("may be chance" if doubt else "")


@pytest.mark.parametrize("score", [0.9, 0.1])
def test_the_costs_of_every_strategy(score: float) -> None:
    costs = {cost.strategy: cost for cost in plan_for(score, 100).costs}
    assert [name for name, cost in costs.items() if cost.chosen] == ["head" if score > 0.5 else "early-layers"]
    heads = {"head": (64 + 1) * 2, "early-layers": (32 + 1) * 2}
    for strategy, parameters in heads.items():
        assert costs[strategy].trained_parameters == parameters
        assert costs[strategy].trained_parameters_an_image == pytest.approx(parameters / 100)
        assert costs[strategy].seconds == pytest.approx(100 / 100)  # images over the network's rate
    for strategy in ("fine-tune", "from-scratch"):
        assert costs[strategy].trained_parameters == heads["head"] + NETWORK.parameters["last"]
        epochs = epochs_of(None, strategy, 100)
        assert costs[strategy].seconds == pytest.approx((100 + 6 * epochs * 100) / 100)
    assert costs["head"].memory_bytes < costs["fine-tune"].memory_bytes == costs["from-scratch"].memory_bytes


def test_joined_cuts_and_an_asked_cut_count_in_the_costs() -> None:
    joined = next(cost for cost in plan_for(0.9, cuts=("early", "last")).costs if cost.chosen)
    assert joined.trained_parameters == (16 + 64 + 1) * 2
    asked = next(cost for cost in plan_for(0.9, cut="early").costs if cost.chosen)
    assert (asked.strategy, asked.trained_parameters) == ("early-layers", (16 + 1) * 2)
