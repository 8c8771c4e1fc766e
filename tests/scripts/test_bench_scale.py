"""The simulation of many workers, and the page with its numbers."""

import importlib
import json
from pathlib import Path

import pytest

from adamcmp.execution import reservations

ROOT = Path(__file__).parents[2]


@pytest.fixture
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    for module, name in importlib.import_module("scale_simulation").CLOCKS:
        monkeypatch.setattr(module, name, getattr(module, name))  # restores it at the end
    monkeypatch.setattr(reservations, "read_plan", reservations.read_plan)
    return importlib.import_module


def test_each_run_is_stored_once_although_workers_are_killed_and_frozen(scripts):
    """The simulation fails if a run is lost or stored twice.

    Some workers do not store a group, since others have taken over its share meanwhile.
    """
    simulation = scripts("scale_simulation")
    result = simulation.Simulation(1000, 6, run_seconds=1, lifetime=400, seed=6).run()
    assert result.runs == 1000 and result.killed > 3 and result.frozen > 1 and result.lost > 0
    assert 0 < result.utilization < 1 and result.operations < 0.1


def test_the_page_has_the_measured_numbers(scripts):
    page = (ROOT / "docs/scale.md").read_text(encoding="utf-8")
    numbers = json.loads((ROOT / "results/benchmarks/scale.json").read_text())
    assert scripts("scale_page").with_tables(page, numbers) == page


@pytest.mark.slow
def test_planning_and_reading_are_measured(scripts, tmp_path):
    tables = scripts("scale_tables")
    assert tables.planning(1000)["runs"] == 1000
    tables.write_study(1000, tmp_path / "s")
    assert tables.reading(tmp_path / "s")["runs"] == 1000
