"""Compare studies bit by bit."""

from pathlib import Path

import pandas as pd

from adamcmp.storage import reader
from tests.support.frame_bits import different_bits

#: Columns that may differ between two trainings of the same run.
NOT_NUMBERS = ["wall_time_s", "finished_at", "study", "git_commit", "git_dirty"]


def numbers(study: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the tables without times, sorted; check that nothing is doubled or left over."""
    runs, metrics = reader.load(study)
    examples = reader.load_examples(study)
    outcome_key = ["run_id", "split", "metric"]
    assert not examples.duplicated(outcome_key).any()
    trained = (runs["status"] == "done") & runs["adamcmp_version"].notna()
    assert set(examples["run_id"]) == set(runs["run_id"][trained])
    assert runs["run_id"].is_unique and not metrics.duplicated(["run_id", "step"]).any()
    assert len(pd.read_parquet(study / "runs")) == len(runs)
    assert len(pd.read_parquet(study / "metrics")) == len(metrics)
    others = {p.relative_to(study).as_posix() for p in study.rglob("*") if p.suffix != ".parquet"}
    others -= {name for name in others if name.startswith("jobs/")}  # the output of jobs
    folders = {"jobs", "runs", "metrics", "examples", "queue", "checkpoints"}
    assert others <= folders | {".lock", "study.yaml"} and not [*study.glob("queue/*")]
    return (
        runs.drop(columns=NOT_NUMBERS).sort_values("run_id", ignore_index=True),
        metrics.drop(columns="wall_time_s").sort_values(["run_id", "step"], ignore_index=True),
        examples.sort_values(outcome_key, ignore_index=True),
    )


def assert_same_bits(study: Path, other: Path) -> None:
    """Check that two studies have the same runs with the same numbers."""
    for actual, expected in zip(numbers(study), numbers(other), strict=True):
        assert different_bits(expected, actual) == []
