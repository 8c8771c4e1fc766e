"""Several studies as one table of runs."""

import adamcmp
from adamcmp.reporting import load_table
from adamcmp.storage.store import Store
from tests.conftest import CPU
from tests.support.stored_rows import outcomes, run_row
from tests.support.studies import FAST


def test_outcomes_follow_the_ids_of_pooled_runs(results):
    for study, wrong in (("a", (1, 0)), ("b", (0, 1))):
        store = Store(results / study)
        store.open_for_training(CPU, [], {})
        row = run_row("x", dataset="d", model="m", optimizer="sgd", seed=0)
        store.append([row], [], [outcomes("x", wrong)])
    table = load_table([results / "a", results / "b"])
    both = table.outcomes.of(table.runs["run_id"].tolist(), "test", "error")
    assert both is not None and both.values.tolist() == [[1, 0], [0, 1]]


def test_studies_with_runs_of_the_same_optimizer_stay_separate(results):
    adamcmp.sweep([*FAST, "seed=0,1", "study=a"])
    adamcmp.sweep([*FAST, "seed=0,1,2", "study=b"])
    table = load_table([results / "a", results / "b"])
    runs, metrics = table.runs, table.metrics
    assert runs["problem"].value_counts().to_dict() == {
        "teacher, mlp, study a": 2,
        "teacher, mlp, study b": 3,
    }
    assert runs["run_id"].is_unique and set(metrics["run_id"]) == set(runs["run_id"])
    assert (metrics.groupby("run_id").size() == 4).all()
