"""Plans that stay open until their runs are stored."""

import pytest

from adamcmp.config import Execution
from adamcmp.errors import ConfigError, Interrupted
from adamcmp.execution.execute import execute
from adamcmp.execution.observer import Observer
from adamcmp.execution.queue_files import (
    QUEUE,
    list_queue,
)
from adamcmp.execution.requests import Request
from adamcmp.execution.standing_plans import publish_standing
from adamcmp.execution.worker import train_open_plans
from adamcmp.planning.plan import make_plan
from adamcmp.storage.store import Store
from tests.support.standing_plans import GRID, standing_plan, with_versions
from tests.support.training_elsewhere import training_elsewhere


def test_a_part_of_a_standing_plan_is_refused(sweep, files):
    standing_plan(sweep("seed=0,1,2"))
    before = {**files.list(""), **files.list(QUEUE)}
    with pytest.raises(ConfigError, match="Plan 1 of study 's' has 1 run of this command, and 2"):
        execute(sweep("seed=2,3"))
    assert {**files.list(""), **files.list(QUEUE)} == before


def test_the_same_standing_plan_again(sweep, files):
    first = standing_plan(sweep("seed=0,1"))
    again = standing_plan(sweep("seed=0,1"))
    assert again.number == first.number == 1 and list_queue(files).plans == [1]
    wider = standing_plan(sweep("seed=0,1,2"))
    assert wider.number == 2 and wider.header.runs == 1


@pytest.mark.parametrize("option", ["mixed_versions=true", "lease_seconds=5.0"])
def test_the_same_standing_plan_with_other_options(option, sweep, files):
    standing_plan(sweep("seed=0,1"))
    with pytest.raises(ConfigError, match=rf"{option}: plan 1 of study 's' .* without it.*cancel"):
        standing_plan(sweep("seed=0,1", option))
    assert list_queue(files).plans == [1]


def test_the_same_standing_plan_of_other_versions(sweep, files):
    with_versions(files, standing_plan(sweep("seed=0,1")), {"adamcmp": "0.0.1"})
    with pytest.raises(ConfigError, match=r"was made with adamcmp 0\.0\.1"):
        standing_plan(sweep("seed=0,1"))


def test_a_standing_plan_of_stored_runs(sweep, files):
    execute(sweep("seed=0,1"))
    assert standing_plan(sweep("seed=0,1")) is None and not files.list(QUEUE)
    again = standing_plan(sweep("seed=0,1"), retrained_statuses=("done",))
    assert {*again.content.attempts().values()} == {1}


def test_runs_that_a_process_trains_are_in_no_standing_plan(sweep, files, specs):
    runs = specs([*GRID, "seed=0,1"])
    with (
        training_elsewhere(files.path, runs[:1]),
        pytest.raises(ConfigError, match=r"Process .* is training 1 run of these.*worker s"),
    ):
        standing_plan(sweep("seed=0,1"))


def test_runs_without_known_times_are_grouped_by_the_workers(sweep):
    plan = standing_plan(sweep("seed=0,1,2"), measured=False)
    assert plan.header.ungrouped_runs == plan.header.runs == 3
    assert not any(group.grouped for n in range(3) for group in plan.content.share(n))
    (single,) = standing_plan(sweep("seed=7"), measured=False).content.share(0)
    assert single.grouped


def test_an_interrupted_command_publishes_no_standing_plan(sweep, files):
    plan = make_plan(config := sweep("seed=0"), None)
    with pytest.raises(Interrupted, match="nothing was planned"):
        publish_standing(Store(files), Request(config, plan, plan), lambda: 2, print)
    assert not files.list("")


@pytest.mark.parametrize("before", [True, False])
def test_runs_that_are_stored_while_a_command_is_planned(before, sweep, files, monkeypatch):
    """Their plan is completed after the plans are listed, before or after stored runs are read."""
    standing_plan(sweep("seed=0,1"))
    config, read, trained = sweep("seed=0,1"), Store.outcomes, []
    plan = make_plan(config, Store(files).numerics())

    def read_beside_a_worker(store, *arguments):
        outcomes = read(store, *arguments)
        if not trained:
            trained.append(0)  # the worker reads, too
            trained[0] = train_open_plans(Store(files), Execution(), Observer()).trained
        return read(store, *arguments) if before else outcomes

    monkeypatch.setattr(Store, "outcomes", read_beside_a_worker)
    publish_standing(Store(files), Request(config, plan, plan), lambda: None, print)
    assert trained == [2] and list_queue(files).plans == []
    assert {row.attempt for row in Store(files).outcomes().values()} == {0}
