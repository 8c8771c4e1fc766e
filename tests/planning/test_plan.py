"""Plans: the runs of a request, without those that need no training, as groups with stable ids."""

import itertools
import tracemalloc

import pytest

from adamcmp.planning.cost_model import CostModel
from adamcmp.planning.plan import make_plan
from adamcmp.planning.timings import Timings
from tests.conftest import CPU

COMPILED = CPU.model_copy(update={"engine": "compiled"})
OVERRIDES = ["model=logistic,gru", "optimizer=adamw,sgd", "seed=range(6)", "steps=10"]


@pytest.fixture
def plan(composer):
    unmeasured = make_plan(composer.sweep(OVERRIDES), COMPILED)
    timings = dict.fromkeys(unmeasured.run_kinds, Timings({1: 1e-3, 2: 1e-4}, 1e-3))
    return unmeasured.with_costs(CostModel(unmeasured.run_kinds, timings))


def test_every_run_is_in_one_group(plan):
    groups = plan.groups()
    grouped = list(itertools.chain.from_iterable(group.run_ids for group in groups))
    assert sorted(grouped) == sorted(plan.run_ids) and len(plan.run_kinds) == 4
    assert all(len(group.specs) <= 2 for group in groups)
    assert {len(g.specs) for g in groups if g.specs[0].config.model.name == "gru"} == {1}


def test_groups_and_their_ids_depend_only_on_the_runs(plan, composer):
    again = make_plan(composer.sweep(OVERRIDES), COMPILED).with_costs(plan.costs)
    assert [g.group_id for g in again.groups()] == [g.group_id for g in plan.groups()]


def test_finished_runs_are_subtracted_without_changing_the_plan(plan):
    finished = set(plan.run_ids[::3])
    pending = plan.without(finished)
    assert set(pending.run_ids) == set(plan.run_ids) - finished and len(plan.specs) == 24
    assert pending.only(plan.run_ids[1:2]).run_ids == plan.run_ids[1:2]
    assert pending.numerics == plan.numerics and pending.run_kinds == plan.run_kinds


def test_a_plan_is_immutable(plan):
    with pytest.raises(TypeError):
        plan.run_kinds["key"] = None


def test_runs_that_share_a_checkpoint_stay_together(plan):
    group = next(g for g in plan.groups() if len(g.specs) == 2)
    checkpoint = [*group.run_ids, "of a run that is finished"]
    assert group.run_ids in {g.run_ids for g in plan.groups([checkpoint])}


def test_the_longest_group_is_first(plan):
    seconds = [plan.costs.seconds(group) for group in plan.groups()]
    assert seconds == sorted(seconds, reverse=True)


def test_a_plan_is_compact(composer):
    """Runs of a grid share their components: a run costs an id, its config and its spec.

    A million runs then take a few hundred megabytes.
    """
    overrides = ["model=logistic", "lr=logspace(1e-4,1e-1,40)", "seed=range(50)"]
    make_plan(composer.sweep(overrides[:1]), COMPILED)  # reads the dataset
    tracemalloc.start()
    plan = make_plan(composer.sweep(overrides), COMPILED)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(plan.specs) == 2000 and size < 2000 * 600
    configs = [spec.config for spec in plan.specs]
    distinct = {
        group: len({id(getattr(config, group)) for config in configs})
        for group in ("dataset", "model", "schedule", "loss", "optimizer", "protocol")
    }
    shared = dict.fromkeys(("dataset", "model", "schedule", "loss"), 1)
    assert distinct == {**shared, "optimizer": 40, "protocol": 50}
    assert len({id(spec.run_kind) for spec in plan.specs}) == 1
