"""False claims on samples of training data."""

import importlib
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize(("shared", "low", "high"), [(0.0, 0, 10), (0.9, 15, 45), (1.0, 15, 45)])
def test_only_fresh_data_for_each_seed_keep_the_level(shared, low, high, monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    simulation = importlib.import_module("simulation_data")
    effects = simulation.seed_and_data_effects(1.0, shared, seeds=10)
    claimed = simulation.claims(200, effects, examples=500, worse=0.0)
    assert low <= float(claimed.split()[0]) <= high
