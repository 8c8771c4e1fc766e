"""Execution trains the runs that are not stored."""

import pytest

from adamcmp.execution.execute import execute
from adamcmp.execution.executors import Serial
from adamcmp.execution.preview import preview
from tests.support.studies import SMALL
from tests.support.training import crashing
from tests.support.training_elsewhere import training_elsewhere

RUNS = [*SMALL, "seed=0,1,2", "steps=2", "engine=eager", "study=s"]


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
    assert "is training 1 run of this command" in executed.in_progress_message
