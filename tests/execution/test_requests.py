"""The runs of a command that are trained, and what the study records of the command."""

import pytest

from adamcmp.errors import ConfigError
from adamcmp.execution.execute import execute
from adamcmp.execution.requests import record_command, requested_and_missing, unfinished
from adamcmp.storage.store import Store
from tests.support.studies import SMALL
from tests.support.training import crashing

RUNS = [*SMALL, "steps=2", "engine=eager", "study=s"]


def seeds(plan):
    return [spec.config.protocol.seed for spec in plan.specs]


def test_stored_runs_are_not_missing(composer, results):
    execute(composer.sweep([*RUNS, "seed=0,1"]))
    config, store = composer.sweep([*RUNS, "seed=1,2,3"]), Store(results / "s")
    plan, missing = requested_and_missing(config, store, ())
    assert (seeds(plan), seeds(missing)) == ([1, 2, 3], [2, 3])
    assert seeds(unfinished(plan, store.outcomes(), ("done",))) == [1, 2, 3]


def test_failed_runs_are_missing_on_request(composer, results):
    with crashing(lambda run: run.protocol.seed == 1):
        execute(composer.sweep([*RUNS, "seed=0,1"]))
    config, store = composer.sweep([*RUNS, "seed=0,1"]), Store(results / "s")
    _, missing = requested_and_missing(config, store, ("failed",))
    assert seeds(missing) == [1]


def test_other_numerics_than_those_of_the_study(composer, results):
    execute(composer.sweep([*RUNS, "seed=0"]))
    with pytest.raises(ConfigError, match=r"engine=traced: study .s. was created with"):
        requested_and_missing(
            composer.sweep([*RUNS, "seed=0", "engine=traced"]), Store(results / "s"), ()
        )


def test_the_record_of_a_command(composer, results):
    execute(composer.sweep([*RUNS, "seed=0,1"]))
    config, store = composer.sweep([*RUNS, "seed=1,2,3"]), Store(results / "s")
    plan, _ = requested_and_missing(config, store, ())
    with store.locked():
        assert record_command(store, config, plan) == 2
    record = store.study_metadata()["asked"][-1]
    assert (record["words"], record["runs"], record["study_runs"]) == (list(config.overrides), 3, 4)
