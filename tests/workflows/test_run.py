"""Training one run, or reading it."""

import pytest

from adamcmp.errors import ConfigError, RunFailed
from adamcmp.workflows.run import configure_run, run
from adamcmp.workflows.training import TrainingOptions
from tests.support.studies import THREE_STEPS
from tests.support.training import crashing


def test_a_stored_run_is_read(results):
    config = configure_run([*THREE_STEPS, "study=s", "seed=3"])
    first, again = run(config), run(config)
    assert first.trained and not again.trained
    assert first.row == again.row and first.folder == results / "s"
    assert (first.row["status"], first.row["seed"]) == ("done", 3)


def test_a_crash_is_stored_and_raised():
    config = configure_run([*THREE_STEPS, "study=s"])
    with (
        crashing(lambda run: True),
        pytest.raises(RunFailed, match=r"The run crashed: ValueError: no luck \(`adamcmp show"),
    ):
        run(config)
    with pytest.raises(RunFailed, match="no luck"):  # it is read
        run(config)
    assert run(config, TrainingOptions(retry_failed=True)).row["status"] == "done"


def test_several_runs_are_rejected():
    with pytest.raises(ConfigError, match="`run` trains one run"):
        configure_run(["seed=0,1"])
