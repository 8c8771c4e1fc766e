"""The rows of groups that were trained, and of groups that crashed."""

from datetime import datetime

from adamcmp.execution.outcome_rows import outcome_rows
from adamcmp.planning.grouping import LaneGroup
from adamcmp.platform.provenance import hardware, software
from adamcmp.training.outcome import Done, Failed


def test_rows_of_a_group_that_was_trained(specs):
    group = LaneGroup(tuple(specs(["seeds=2"])))
    metrics, examples = [{"step": 1}], [{"split": "test"}]
    outcome = Done([{"run_id": spec.run_id} for spec in group.specs], metrics, examples)
    runs, *others = outcome_rows(group, outcome, "first")
    assert runs == [{"run_id": spec.run_id, "study": "first"} for spec in group.specs]
    assert others == [metrics, examples]


def test_rows_of_a_group_that_crashed(specs):
    group = LaneGroup(tuple(specs(["seeds=2"])))
    outcome = Failed("ValueError: why", tuple(group.run_ids), traceback="File 'net.py'")
    runs, metrics, examples = outcome_rows(group, outcome, "first")
    assert metrics == examples == []
    for spec, row in zip(group.specs, runs, strict=True):
        expected = {**spec.columns(), **software(), "hardware": hardware("cpu"), "study": "first"}
        assert expected.items() <= row.items()
        assert (row["status"], row["error"]) == ("failed", "ValueError: why\n\nFile 'net.py'")
        assert datetime.fromisoformat(row["finished_at"]).tzinfo is not None
