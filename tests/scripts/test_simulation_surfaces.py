"""Intervals of shares of a surface cover on surfaces like those of the reference study."""

import importlib
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize(
    ("optimizer", "share", "size"), [("adam_l2", "additive", 0.1), ("sgd", "lr·wd", 0.2)]
)
def test_intervals_cover(optimizer, share, size, monkeypatch):
    """Noise differs between cells; intervals that took it to be equal would cover less often."""
    monkeypatch.syspath_prepend(SCRIPTS)
    simulation = importlib.import_module("simulation_surfaces")
    problems = simulation.problems(simulation.reference_surfaces()[optimizer])
    (problem,) = (p for name, basin, p in problems if (name, basin) == (share, size))
    assert simulation.coverage(problem, 5, 200) >= 0.92
