"""Intervals of shares of a surface cover on surfaces like those of the reference study."""

import importlib
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize(("optimizer", "share"), [("adam_l2", "additive"), ("sgd", "lr·wd")])
def test_intervals_cover(optimizer, share, monkeypatch):
    """Noise differs between cells; if it were taken to be equal, 82 % of the first would cover."""
    monkeypatch.syspath_prepend(SCRIPTS)
    simulation = importlib.import_module("simulation_surfaces")
    problems = simulation.problems(simulation.reference_surfaces()[optimizer])
    (problem,) = (p for name, size, p in problems if (name, size) == (share, 0.1))
    assert simulation.coverage(problem, 5, 200) >= 0.92
