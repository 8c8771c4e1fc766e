"""Parts of older versions: settings that were added since are read with their neutral values."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import adamcmp
from adamcmp.analysis.labels import setting_texts
from adamcmp.analysis.run_table import RunTable
from adamcmp.components.optimizers.adam import Adam
from adamcmp.components.optimizers.sgd import SGD
from adamcmp.config import Eval, Numerics, Protocol, RunConfig
from adamcmp.planning.specs import run_id
from adamcmp.storage import reader
from adamcmp.storage.folder import Folder
from adamcmp.storage.store import Store
from tests.conftest import CPU
from tests.support.stored_rows import rewrite_part
from tests.support.studies import SMALL

GRID = [
    *(*SMALL, "steps=2", "optimizer=adamw,sgd", "lr=0.01,0.1", "wd=0,0.1", "study=s"),
    "engine=eager",
]


def rewrite_parts(study: Path, change) -> None:
    """Change the runs tables of all parts, as an older version would have written them."""
    for name in reader.part_names(study):
        rewrite_part(Folder(study), name, change)


def without(column: str):
    """Return a change that drops a column."""
    return lambda rows: rows.drop_columns([column])


@pytest.mark.parametrize(
    ("component", "field", "value", "column", "overrides"),
    [
        pytest.param(
            *(Adam, "amsgrad", True, "optimizer.amsgrad", ["optimizer.amsgrad=true"]),
            marks=pytest.mark.slow,
        ),
        (Adam, "betas", [0.8, 0.9], "optimizer.betas", ["optimizer.betas=[0.8,0.9]"]),
        pytest.param(
            *(Protocol, "grad_clip", 1.5, "grad_clip", ["grad_clip=1.5"]),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *(Eval, "train_examples", 20, "eval.train_examples", ["eval.train_examples=20"]),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["optimizer", "list", "protocol", "eval"],
)
def test_old_and_new_runs_of_equal_settings_are_one_setting(
    component, field, value, column, overrides, results, monkeypatch
):
    """Any field stands for an added one; with its neutral value, which is not its default."""
    monkeypatch.setattr(component, "neutral", {field: value})
    grid = [*(o for o in GRID if component is not Adam or o != "optimizer=adamw,sgd"), *overrides]
    old = adamcmp.sweep([*grid, "seed=0"]).runs
    rewrite_parts(results / "s", without(column))

    study = adamcmp.sweep([*grid, "seed=0,1"])

    assert len(study.runs) == 2 * len(old) and set(old["run_id"]) < set(study.runs["run_id"])
    table = RunTable.from_frames(*reader.load(results / "s"))
    assert table.setting_columns == ["lr", "wd"]
    texts = setting_texts(table.runs, [column, *table.setting_columns])
    assert (texts.groupby([table.runs[c] for c in ("optimizer", "lr", "wd")]).nunique() == 1).all()
    for row in reader.read_runs(results / "s").to_pylist():
        assert row[column] == value
        assert run_id(RunConfig.from_columns(row), CPU) == row["run_id"]


@pytest.fixture
def grid(results, monkeypatch):
    """A study of adamw and sgd that lacks `Adam.amsgrad`."""
    monkeypatch.setattr(Adam, "neutral", {"amsgrad": False})
    adamcmp.sweep([*GRID, "seed=0"])
    rewrite_parts(results / "s", without("optimizer.amsgrad"))
    return results / "s"


def test_only_components_that_have_the_field_get_it(grid):
    rows = reader.read_runs(grid).to_pylist()
    assert {(row["rule"], row["optimizer.amsgrad"]) for row in rows} == {
        ("adam", False),
        ("sgd", None),
    }
    for row in rows:
        assert run_id(RunConfig.from_columns(row), CPU) == row["run_id"]


def test_a_column_is_filled_when_it_is_read_alone(grid):
    rows = reader.read_runs(grid, ["optimizer.amsgrad"])
    assert rows.column_names == ["optimizer.amsgrad"]
    assert sorted(map(str, rows["optimizer.amsgrad"].to_pylist())) == ["False"] * 4 + ["None"] * 4


def test_a_null_of_a_field_that_has_none_is_filled(grid, monkeypatch):
    """The column exists since another component had the field first."""
    adamcmp.sweep([*GRID, "seed=1"])
    rewrite_parts(grid, lambda rows: rows.set_column(
        rows.column_names.index("optimizer.momentum"), "optimizer.momentum",
        pa.nulls(len(rows), pa.float64())))  # fmt: skip
    monkeypatch.setattr(SGD, "neutral", {"momentum": 0.25})
    runs = reader.load(grid)[0]
    assert set(runs.loc[runs["rule"] == "sgd", "optimizer.momentum"]) == {0.25}
    assert runs.loc[runs["rule"] == "adam", "optimizer.momentum"].isna().all()


def test_a_setting_that_is_none_stays_none(results, monkeypatch):
    adamcmp.sweep([*GRID, "seed=0"])
    monkeypatch.setattr(Protocol, "neutral", {"grad_clip": 1.5})
    assert reader.load(results / "s")[0]["grad_clip"].isna().all()


def test_merged_parts_keep_the_neutral_value(grid):
    adamcmp.sweep([*GRID, "seed=0", "lr=0.01"], force=True)  # rewrites the part
    assert "optimizer.amsgrad" in pd.read_parquet(grid / "runs").columns
    runs = reader.load(grid)[0]
    assert set(runs.loc[runs["rule"] == "adam", "optimizer.amsgrad"]) == {False}


def test_imported_runs_have_only_the_settings_of_their_file(results, tmp_path, monkeypatch):
    (tmp_path / "theirs.csv").write_text("opt,lr,acc\nadamw,0.1,0.5\n")
    adamcmp.import_runs(
        tmp_path / "theirs.csv",
        study="theirs",
        columns={"optimizer": "opt", "test_accuracy": "acc"},
        constants={"dataset": "mnist1d", "model": "mlp", "wd": 0, "seed": 0},
    )
    monkeypatch.setattr(Protocol, "neutral", {"divergence": 5.0})
    assert reader.load(results / "theirs")[0]["divergence"].isna().all()


def test_an_added_setting_of_numerics(grid, monkeypatch):
    monkeypatch.setattr(Numerics, "neutral", {"dtype": "float32"})
    rewrite_parts(grid, without("dtype"))
    assert set(reader.load(grid)[0]["dtype"]) == {"float32"}
    assert Store(grid).numerics() == CPU
