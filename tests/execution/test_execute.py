"""Execution trains the runs that are not stored; a preview lists them."""

import pytest

from adamcmp.execution.execute import execute, preview
from adamcmp.execution.executors import Serial
from adamcmp.execution.observer import Observer
from tests.support.studies import SMALL
from tests.support.training import crashing
from tests.support.training_elsewhere import training_elsewhere

RUNS = [*SMALL, "seed=0,1,2", "steps=2", "engine=eager", "study=s"]


def test_a_preview_writes_nothing_and_plans_what_is_trained(composer, results):
    config = composer.sweep(RUNS)
    planned = preview(config, Serial())
    assert not results.exists()
    events = []
    execute(config, Observer(on_planned=lambda *event: events.append(event)))
    ((plan, groups),) = events
    assert (planned.plan.run_ids, planned.groups) == (plan.run_ids, groups)
    assert preview(config, Serial()).groups == ()


@pytest.mark.parametrize(
    ("retrained_statuses", "trained"),
    [((), 1), (("failed",), 2), (("done", "diverged", "failed"), 3)],
)
def test_stored_runs_are_trained_again_only_on_request(retrained_statuses, trained, composer):
    with crashing(lambda run: run.protocol.seed == 1):
        first = execute(composer.sweep([*RUNS, "seed=0,1"]))
    assert len(first.failed) == 1
    second = execute(composer.sweep(RUNS), retrained_statuses=retrained_statuses)
    assert len(second.trained) == trained and len(second.specs) == 3
    assert second.failed == (() if retrained_statuses else first.failed)


def test_runs_that_another_process_trains_are_skipped(composer, results):
    config = composer.sweep(RUNS)
    first, *others = preview(config, Serial()).plan.specs
    with training_elsewhere(results / "s", [first]):
        executed = execute(config)
    assert set(executed.trained) == {spec.run_id for spec in others}
    assert set(executed.in_progress) == {first.run_id}
    assert "1 of 3 runs are being trained by process" in executed.in_progress_message
