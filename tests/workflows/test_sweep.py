"""Sweeps: what they read, plan and return."""

import pytest

from adamcmp.execution import requests
from adamcmp.storage import reader
from adamcmp.storage.folder import Folder
from adamcmp.workflows.sweep import sweep
from tests.support.file_reads import recorded_reads
from tests.support.studies import FAST


@pytest.fixture
def parts(results):
    """The names of the parts of a study of three runs in three parts."""
    for seed in range(3):
        sweep([*FAST, f"seed={seed}"])
    return reader.part_names(results / "s")


def test_a_sweep_reads_each_part_of_runs_at_most_once(parts, results, monkeypatch):
    """And no metrics: a study may have a thousand times as many evaluations as a sweep adds."""
    reads = recorded_reads(monkeypatch, Folder)
    moved = (results / "s").rename(results / "t")  # this process has not read its parts yet
    result = sweep([*FAST, "study=t", "seed=range(6)"])
    assert result.statuses == {"done": 6, "diverged": 0, "failed": 0} and len(result.trained) == 3
    names = reader.part_names(moved)
    assert len(names) > len(parts)
    of_parts = [name for name in reads if not name.startswith(("study.yaml", "queue/"))]
    assert len(set(of_parts)) == len(of_parts)
    assert {f"runs/{name}" for name in parts} <= {*of_parts} <= {f"runs/{name}" for name in names}


def test_a_sweep_is_planned_once(parts, monkeypatch):
    planned = []
    make_plan = requests.make_plan

    def counted(*arguments):
        planned.append(arguments)
        return make_plan(*arguments)

    monkeypatch.setattr(requests, "make_plan", counted)
    sweep([*FAST, "seed=range(4)"])
    assert len(planned) == 1
