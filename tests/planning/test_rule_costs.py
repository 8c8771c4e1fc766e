"""The cache of measured costs of rules."""

import numpy as np
import pytest

from adamcmp.planning.rule_costs import RuleCost, cache_costs, cached_costs, cost_key

SETTINGS = {"rule": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": False, "steps": 5, "match": None}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """An empty cache, since that of the user holds real measurements."""
    monkeypatch.setattr("adamcmp.planning.rule_costs.cache_folder", lambda: tmp_path)


@pytest.mark.parametrize(
    "alike",
    [
        {"lr": 0.3, "weight_decay": 0.1, "name": "mine", "groups": {}},
        {"momentum": np.float64(0.5), "nesterov": np.bool_(False), "steps": 5.0},
        {"betas": (0.9, 0.99), "match": float("nan")},
    ],
)
def test_settings_that_do_not_change_the_cost(alike):
    assert cost_key(SETTINGS | alike) == cost_key(SETTINGS)


@pytest.mark.parametrize("other", [{"momentum": 0.0}, {"nesterov": True}, {"steps": 6}])
def test_settings_that_may_change_the_cost(other):
    assert cost_key(SETTINGS | other) != cost_key(SETTINGS)


def test_costs_are_kept(tmp_path):
    costs = {"a": RuleCost(1.0, 2.0, 3.0, 4.0), "b": RuleCost(5.0, 6.0, 7.0, 8.0)}
    for key, cost in costs.items():
        cache_costs({key: cost})
    assert costs.items() <= cached_costs().items()
    (tmp_path / "rule_costs.json").write_text("{nonsense")
    assert cached_costs() == {}
