"""Several studies as one table of runs."""

import adamcmp
from adamcmp.reporting import load_table
from tests.support.studies import FAST


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
