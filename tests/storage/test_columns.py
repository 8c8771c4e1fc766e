"""The column registry: it covers every column that is written, and the docs name no other."""

import itertools
import re
from pathlib import Path

import pandas as pd
import pytest

import adamcmp
from adamcmp.storage.columns import (
    EXAMPLE_COLUMNS,
    METRIC_COLUMNS,
    RUN_COLUMNS,
    SHORT_NAMES,
    STATUSES,
    Role,
    columns_with_role,
    registered_columns,
    role_of,
    run_columns,
)
from adamcmp.storage.parts import TABLES

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "results.md"


def test_public_columns_are_pinned():
    """Their names are an interface: changing one requires a new schema version."""
    assert list(run_columns())[:14] == [
        "run_id", "study", "dataset", "model", "optimizer", "rule", "coupling", "schedule",
        "loss", "lr", "wd", "seed", "epochs", "batch_size",
    ]  # fmt: skip
    assert {"status", "error", "stopped_at_step", "steps", "best_step", "wall_time_s"} < set(
        RUN_COLUMNS
    )
    assert {"best_val_error", "test_accuracy", "gap_loss", "gap_error"} < set(RUN_COLUMNS)
    assert list(METRIC_COLUMNS)[:5] == ["run_id", "step", "epoch", "examples", "lr"]


def test_every_setting_of_every_component_has_a_column():
    columns = run_columns()
    for name in (
        "optimizer.betas",
        "dataset.label_noise",
        "schedule.T_0",
        "model.width",
        "eval.every",
    ):
        assert columns[name].role == Role.SETTING
    assert columns["optimizer.betas"].type == list[float]
    assert columns["model.kernels"].type == list[int]
    assert columns["optimizer.betas"].unit == columns["schedule.end"].unit == "fraction"
    assert columns["optimizer.eps"].unit == ""
    assert set(SHORT_NAMES) < set(columns) and set(SHORT_NAMES.values()) < set(RUN_COLUMNS)


def test_every_column_of_a_written_run_is_registered(results):
    overrides = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50"]
    adamcmp.run([*overrides, "steps=2", "study=s"])
    runs = pd.read_parquet(results / "s" / "runs")
    metrics = pd.read_parquet(results / "s" / "metrics")
    assert list(runs.columns) == list(run_columns())
    assert list(metrics.columns) == list(METRIC_COLUMNS)


def test_every_column_has_one_role_and_a_description():
    for column in itertools.chain(
        *(c.values() for c in (run_columns(), METRIC_COLUMNS, EXAMPLE_COLUMNS))
    ):
        assert column.role in Role and column.description.endswith("."), column.name
    by_role = [columns_with_role(role) for role in Role]
    assert sorted(itertools.chain(*by_role)) == sorted(RUN_COLUMNS)


def test_a_column_that_is_not_registered_is_a_setting_of_imported_runs():
    assert role_of("their_setting") == role_of("optimizer.betas") == role_of("lr") == Role.SETTING
    assert role_of("parameters") == Role.DERIVED


@pytest.mark.parametrize("table", TABLES)
def test_the_guide_names_only_registered_columns(table):
    text = GUIDE.read_text(encoding="utf-8")
    (paragraph,) = re.findall(
        rf"Columns of `{table}`:(.*?)(?:\nColumns of|\n\n(?!- ))", text, re.DOTALL
    )
    named = [n for code in re.findall(r"`([^`]+)`", paragraph) for n in _expanded(code)]
    known = {*registered_columns(table), *run_columns(), *STATUSES, "best_"}
    assert named and set(named) <= known
    assert {*columns_with_role(Role.IDENTITY, table=table)} <= set(named)


def _expanded(code: str) -> list[str]:
    """Return the names in a piece of code, ``{a,b}_c`` expanded as a shell does.

    >>> _expanded("{train,val}_loss lr")
    ['train_loss', 'val_loss', 'lr']
    """
    names = []
    for word in code.split():
        choices = [part.split(",") for part in re.split(r"\{([^}]*)\}", word)]
        names += ["".join(parts) for parts in itertools.product(*choices)]
    return names
