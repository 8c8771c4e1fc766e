"""Runs that other processes store are reported once."""

from adamcmp.execution.execute import execute
from adamcmp.execution.observer import Observer
from adamcmp.execution.open_plans import current_plans
from adamcmp.execution.stored_runs import StoredRuns
from adamcmp.storage.store import Store
from adamcmp.workflows.standing_plans import write_plan
from adamcmp.workflows.training import TrainingOptions
from tests.support.studies import SMALL

RUNS = [*SMALL, "seed=range(3)", "steps=3", "engine=eager", "study=s"]


def test_each_run_is_reported_when_it_is_stored(composer, results):
    write_plan(RUNS, None, TrainingOptions())
    store, rows = Store(results / "s"), []
    (plan,) = current_plans(store)
    specs = {
        s.run_id: s for number in range(3) for g in plan.content.share(number) for s in g.specs
    }
    observer = Observer(on_finished=lambda group, outcome: rows.extend(outcome.runs))
    watched = StoredRuns(store, (plan,), specs, observer)
    watched.report()
    assert rows == [] and watched.missing(plan) == 3
    execute(composer.sweep(RUNS))
    for _ in range(2):
        watched.report()
    assert [row["run_id"] for row in rows] == list(specs) and watched.missing(plan) == 0
    assert all(row["status"] == "done" and row["val_loss"] > 0 for row in rows)
