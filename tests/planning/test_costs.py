"""What every strategy would take, and what speaks for it."""

from dataclasses import replace

import pytest
from plans import NETWORK, plan_for, similarity

from regraft.planning.costs import without_last_layers
from regraft.planning.defaults import epochs_of


def test_leaving_out_the_last_layers_is_judged_by_the_probes() -> None:
    found = similarity(0.9)
    assert "by which a probe gains 10.0%" in without_last_layers(found, different=False)
    assert "though a probe gains 10.0%" in without_last_layers(found, different=True)
    level = replace(found, profile=tuple(replace(point, behind_last=-0.01) for point in found.profile))
    assert "at middle does no worse" in without_last_layers(level, different=False)
    assert without_last_layers(level, different=True) == "leaves out the layers that do not fit"


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
