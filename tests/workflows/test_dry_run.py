"""Plans without training."""

import pytest

from adamcmp.config import Composer
from adamcmp.errors import ConfigError
from adamcmp.execution.executors import Serial
from adamcmp.workflows import dry_run
from adamcmp.workflows.dry_run import preview_configuration
from adamcmp.workflows.sweep import sweep
from adamcmp.workflows.training import TrainingOptions
from tests.support.studies import THREE_STEPS

GRID = [*THREE_STEPS, "model=logistic", "study=s"]


@pytest.fixture(autouse=True)
def executors(monkeypatch):
    """Check runs in this process instead of a new one; return what has been closed."""
    closed = []

    class Checking(Serial):
        def close(self):
            closed.append(self)

    monkeypatch.setattr(dry_run, "Pool", lambda workers, threads, on_start: Checking())
    return closed


def plan(*overrides, **options):
    return preview_configuration(
        lambda: Composer().sweep([*GRID, *overrides]), TrainingOptions(**options)
    )


def test_stored_runs_are_not_planned_again(results, executors):
    sweep([*GRID, "seed=0"])
    before = sorted((results / "s").rglob("*"))
    preview = plan("seed=0,1,2")
    assert (len(preview.plan.specs), len(preview.pending.specs)) == (3, 2)
    assert len(plan("seed=0,1,2", force=True).pending.specs) == 3
    assert sorted((results / "s").rglob("*")) == before and len(executors) == 2


def test_a_run_that_cannot_be_trained_is_an_error(results, executors):
    with pytest.raises(ConfigError, match="batch_size=500"):
        plan("batch_size=500")
    assert not results.exists() and len(executors) == 1


def test_notices_of_the_overrides_are_shown(capsys):
    plan("lr=0.1", "lr=0.01")
    assert "lr=0.1 has no effect, since lr=0.01 follows." in capsys.readouterr().err
