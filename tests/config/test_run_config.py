"""What identifies a run, and the round trip of its config through the columns of `runs`."""

from typing import Any, ClassVar

import numpy as np
import pytest

from adamcmp.components.optimizers.adam import Adam
from adamcmp.components.registry import Component
from adamcmp.config import ENGINE_REVISIONS, Eval, Numerics, Protocol, RunConfig
from adamcmp.errors import ConfigError
from adamcmp.planning.specs import RunSpec, run_id
from adamcmp.storage.arrow import run_schema, table_of_rows
from tests.conftest import CPU


class Small(Component):
    name: str = "small"
    width: int = 2


class Extended(Small):
    """A later version of `Small`: a new field whose default is not its neutral value."""

    betas: tuple[float, ...] = (0.5, 0.5)
    neutral: ClassVar[dict[str, Any]] = {"betas": [0.0, 0.0]}


class TestIdentity:
    def test_an_added_field_at_its_neutral_value_is_left_out(self):
        assert Extended(betas=(0.0, 0.0)).identity() == Small().identity()
        assert Extended(betas=(0.0, 0.0)).canonical == Small().canonical
        assert Extended().identity() == {**Small().identity(), "betas": [0.5, 0.5]}

    def test_a_raised_revision_is_another_identity(self, monkeypatch):
        before = Small().identity()
        monkeypatch.setattr(Small, "revision", 1)
        assert Small().identity() == {**before, "revision": 1}

    def test_a_raised_revision_is_another_run(self, specs, monkeypatch):
        adamw, sgd = (s.run_id for s in specs(["optimizer=adamw,sgd", "lr=0.1"]))
        monkeypatch.setattr(Adam, "revision", 1)
        again = specs(["optimizer=adamw,sgd", "lr=0.1"])
        assert again[0].run_id != adamw and again[1].run_id == sgd
        assert [s.columns()["optimizer.revision"] for s in again] == [1, 0]

    def test_a_raised_engine_revision_is_another_run_of_that_engine(self, specs, monkeypatch):
        (spec,) = specs(["lr=0.1"])
        compiled = Numerics(**{**CPU.model_dump(), "engine": "compiled"})
        before = run_id(spec.config, compiled)
        raised = ENGINE_REVISIONS["compiled"] + 1
        monkeypatch.setitem(ENGINE_REVISIONS, "compiled", raised)
        (again,) = specs(["lr=0.1"])
        after = Numerics(**compiled.model_dump())
        assert again.run_id == spec.run_id and run_id(spec.config, after) != before
        columns = RunSpec.of(spec.config, after).columns()
        assert columns["engine.revision"] == raised and again.columns()["engine.revision"] == 0

    @pytest.mark.parametrize("section", [Protocol, Eval])
    def test_a_field_added_to_the_protocol(self, section, specs, monkeypatch):
        """Existing fields stand for added ones: at its neutral value a field is not part of the id."""
        field, value = {Protocol: ("divergence", 1000.0), Eval: ("train_examples", None)}[section]
        (spec,) = specs(["lr=0.1"])
        assert field in str(spec.config.protocol.identity())
        monkeypatch.setattr(section, "neutral", {field: value})
        assert field not in str(spec.config.protocol.identity())


def stored(specs):
    """Return the rows of runs as they are read back from a study."""
    return table_of_rows([spec.columns() for spec in specs], run_schema()).to_pylist()


@pytest.mark.usefixtures("any_code")
class TestFromColumns:
    @pytest.mark.parametrize(
        "overrides",
        [
            "optimizer=glob(*,exclude=torch) wd=0,0.01 grad_clip=null,1.5",
            "optimizer=sgd optimizer.momentum=0.5 optimizer.name=mine lr=0.1,1",
            "optimizer=torch optimizer.target=torch.optim.NAdam +optimizer.momentum_decay=0.1,1",
            "schedule=glob(*) optimizer.betas=[0.8,0.9],[0.9,0.99]",
            "wd_schedule=null,cosine,wsd schedule=step",
            "model=glob(*,exclude=custom) loss=cross_entropy loss.label_smoothing=0,0.1",
            "model=custom model.target=torch.nn.Linear +model.in_features=40 +model.bias=true,false",
            "dataset=glob(*,exclude=[csv,npz,parquet,imagefolder,custom]) dataset.subset=null,50",
            "dataset=teacher dataset.task=regression loss=mse",
            "steps=7,null epochs=3 eval.every_steps=null,2 eval.every=2.5 seed=0,9223372036854775807",
            "data_seed=null,3,seed seed=0,1",
            "dtype=float64 threads=2 eval.train_examples=9",
        ],
    )
    def test_is_the_inverse_of_settings(self, composer, specs, overrides):
        numerics = composer.sweep(overrides.split()).numerics.model_dump()
        fixed = {k: v for k, v in numerics.items() if v not in (None, "auto")}
        planned = specs(overrides.split(), CPU.model_copy(update=fixed))
        for spec, row in zip(planned, stored(planned), strict=True):
            again = RunConfig.from_columns(row)
            used = Numerics(**{name: row[name] for name in Numerics.model_fields})
            assert run_id(again, used) == row["run_id"] == spec.run_id
            assert again.optimizer.name == row["optimizer"]
            without_epochs = {k: v for k, v in spec.config.settings().items() if k != "epochs"}
            assert {k: v for k, v in again.settings().items() if k != "epochs"} == without_epochs

    def test_of_files_of_the_user(self, specs, tmp_path):
        (tmp_path / "d.csv").write_text("a,y\n1,0\n2,1\n")
        np.savez(tmp_path / "d.npz", x=np.zeros((2, 3)), y=np.arange(2))
        (tmp_path / "own.py").write_text("def make(rows): return [[0.0]] * rows, [0, 1] * rows\n")
        for overrides in (["dataset=csv", "dataset.target=y", "dataset.path=d.csv"],
                      ["dataset=npz", "dataset.path=d.npz"],
                      ["dataset=custom", "dataset.target=own.make", "+dataset.rows=4"]):  # fmt: skip
            (spec,) = specs(overrides)
            (row,) = stored([spec])
            assert run_id(RunConfig.from_columns(row), CPU) == spec.run_id

    def test_a_missing_column_takes_the_neutral_value(self, specs, monkeypatch):
        """A column may be missing, or null in a part whose other runs have it."""
        (spec,) = specs(["lr=0.5"])
        (row,) = stored([spec])
        monkeypatch.setattr(Adam, "neutral", {"cautious": True})
        for older in ({**row, "optimizer.cautious": None}, _without(row, "optimizer.cautious")):
            assert RunConfig.from_columns(older).optimizer.cautious
        monkeypatch.setattr(Eval, "neutral", {"train_examples": 7})
        older = _without(row, "eval.train_examples")
        assert RunConfig.from_columns(older).protocol.eval.train_examples == 7
        assert RunConfig.from_columns(row) == spec.config  # null is a value of this field

    @pytest.mark.parametrize(
        "column", ["optimizer.cautious", "eval.train_examples", "seed", "schedule.warmup"]
    )
    def test_a_missing_column_of_version_0_1_is_an_error(self, column, specs):
        (row,) = stored(specs(["lr=0.5"]))
        with pytest.raises(ConfigError, match=f"no value in the column {column!r}"):
            RunConfig.from_columns(_without(row, column))


def _without(row, column):
    return {name: value for name, value in row.items() if name != column}
