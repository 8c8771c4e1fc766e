"""Predicted times, and the widths of groups that follow from them."""

import pytest

from adamcmp.planning.cost_model import START_SECONDS, CostModel
from adamcmp.planning.grouping import group_runs
from adamcmp.planning.run_kinds import run_kinds_by_key
from adamcmp.planning.timings import Timings
from tests.conftest import CPU

GPU = CPU.model_copy(update={"device": "cuda"})


def test_one_worker_trains_all_lanes_at_once_and_several_share_them(specs):
    planned = specs(["model=mlp", "seed=range(100)"], GPU)
    run_kinds = run_kinds_by_key(spec.config for spec in planned)
    timings = dict.fromkeys(run_kinds, Timings({1: 1e-3, 64: 1e-4, 512: 1e-5}, 1e-3))
    for workers, widths in ((1, [100]), (2, [25] * 4)):
        groups = group_runs(planned, CostModel(run_kinds, timings, workers).width)
        assert [len(g.specs) for g in groups] == widths and all(g.fused for g in groups)


def test_times_of_kinds_that_were_not_measured_are_unknown(specs):
    planned = specs(["model=mlp,logistic", "steps=100"])
    run_kinds = run_kinds_by_key(spec.config for spec in planned)
    mlp, logistic = group_runs(planned, lambda members: 1)
    costs = CostModel(run_kinds, {planned[0].run_kind: Timings({1: 1e-3}, 1e-2)})
    assert costs.seconds(logistic) is None and costs.total_seconds([mlp, logistic]) is None
    evaluations = run_kinds[planned[0].run_kind].evaluations
    assert costs.seconds(mlp) == pytest.approx(100 * 1e-3 + evaluations * 1e-2)
    assert costs.longest_first([mlp, logistic]) == (logistic, mlp)


def test_the_total_time_is_that_of_the_longest_group_or_of_an_even_share(specs):
    planned = specs(["model=logistic", "seed=range(4)"], GPU)
    run_kinds = run_kinds_by_key(spec.config for spec in planned)
    timings = dict.fromkeys(run_kinds, Timings({1: 1e-3}, 1e-2))
    singles = group_runs(planned, lambda members: 1)
    one, two = (CostModel(run_kinds, timings, workers) for workers in (1, 2))
    seconds = one.seconds(singles[0])
    assert one.total_seconds(singles) == pytest.approx(START_SECONDS + 4 * seconds)
    assert two.total_seconds(singles) == pytest.approx(START_SECONDS + 2 * seconds)
    assert two.total_seconds(singles[:1]) == pytest.approx(START_SECONDS + seconds)
