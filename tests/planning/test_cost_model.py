"""Predicted times, and the widths of groups that follow from them."""

import pytest

from adamcmp.planning.cost_model import CostModel
from adamcmp.planning.grouping import group_runs
from adamcmp.planning.run_kinds import run_kinds
from adamcmp.planning.timings import Timings
from tests.conftest import CPU

GPU = CPU.model_copy(update={"device": "cuda"})


def test_times_of_groups_are_interpolated_between_measured_widths():
    timings = Timings({1: 4e-4, 8: 6e-5, 64: 1e-5, 512: 3e-6}, 1e-3)
    assert timings.run_seconds(64, 100, 2) == pytest.approx(100 * 1e-5 + 2e-3)
    # 8 lanes take 480 µs, 64 take 640 µs.
    assert 36 * (timings.run_seconds(36, 1, 0)) == pytest.approx(560e-6)
    assert timings.run_seconds(2000, 1, 0) == pytest.approx(3e-6)
    limits = (1, 7, 8, 100, 512, 9999)
    assert [timings.fastest_width(limit) for limit in limits] == [1, 7, 8, 100, 512, 512]
    # A wider group that is not faster is not chosen.
    slow = Timings({1: 1e-4, 2: 9e-5, 4: 2e-4}, 1e-3)
    assert [slow.fastest_width(limit) for limit in (1, 2, 3, 4, 9)] == [1, 2, 2, 2, 2]


def test_one_worker_trains_all_lanes_at_once_and_several_share_them(specs):
    planned = specs(["model=mlp", "seed=range(100)"], GPU)
    kinds = run_kinds(spec.config for spec in planned)
    timings = dict.fromkeys(kinds, Timings({1: 1e-3, 64: 1e-4, 512: 1e-5}, 1e-3))
    for workers, widths in ((1, [100]), (2, [25] * 4)):
        groups = group_runs(planned, CostModel(kinds, timings, workers).width)
        assert [len(g.specs) for g in groups] == widths and all(g.fused for g in groups)
