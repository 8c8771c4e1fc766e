"""Run ids, and the round trip of a run's config through the columns of `runs`."""

import hashlib
import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import yaml

from adamcmp.components.models import custom
from adamcmp.components.optimizers import torch
from adamcmp.components.optimizers.adam import Adam
from adamcmp.components.registry import Component
from adamcmp.config import ENGINE_REVISIONS, Eval, Numerics, Protocol, RunConfig
from adamcmp.errors import ConfigError
from adamcmp.planning.grouping import group_runs
from adamcmp.planning.run_kinds import kind_key
from adamcmp.planning.specs import RunSpec, run_id, run_specs
from adamcmp.storage import reader
from adamcmp.storage.parts import run_schema, table_of_rows
from tests.conftest import CPU

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "results" / "mnist1d_table"
STORED = [
    *(ROOT / "results" / name for name in ("mnist1d_table", "decoupling")),
    *sorted((ROOT / "tests" / "version_0_1" / "results").iterdir()),
]


def plain_id(config, numerics):
    canonical = {**config.identity(), "numerics": numerics.identity()}
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class TestIds:
    def test_ids_are_the_hash_of_the_canonical_json(self, composer):
        overrides = ["optimizer=glob(*,exclude=torch)", "lr=1e-3,0.5", "wd=0,1e-05", "seeds=2"]
        more = [
            "grad_clip=null,1.5",
            "schedule=cosine,step",
            "steps=null,9",
            "eval.every_steps=null,4",
        ]
        for spec in run_specs(composer.sweep([*overrides, *more]), CPU):
            assert spec.run_id == plain_id(spec.config, spec.numerics)

    def test_a_changed_copy_is_another_run(self, specs):
        (spec,) = specs(["seed=1"])
        other = spec.config.protocol.model_copy(update={"seed": 2})
        assert (
            other.canonical_values["seed"] == "2"
            and spec.config.protocol.canonical_values["seed"] == "1"
        )
        for component in (spec.config.optimizer, spec.numerics):
            first, field = component.canonical, next(iter(component.identity()))
            assert component.model_copy(update={field: "x"}).canonical != first
            assert component.model_copy().canonical == first

    def test_committed_results_are_found(self, composer):
        """The overrides and the rows of a study of version 0.1 give its ids."""
        rows = reader.read_runs(COMMITTED).to_pylist()
        about = yaml.safe_load((COMMITTED / "study.yaml").read_text())
        numerics = Numerics(**about["numerics"])
        planned = [run_specs(composer.sweep(once["words"]), numerics) for once in about["asked"]]
        assert {row["run_id"] for row in rows} == {s.run_id for specs in planned for s in specs}
        for row in rows:
            assert run_id(RunConfig.from_columns(row), numerics) == row["run_id"]

    def test_runs_of_one_kind_are_those_of_equal_structure(self, specs):
        overrides = [
            "optimizer=adamw,sgd",
            "lr=1,2",
            "grad_clip=null,1,2",
            "seeds=2",
            "model.width=8,16",
        ]
        planned = specs([*overrides, "wd=0,1", "steps=3,4"])
        kinds = {}
        for spec in planned:
            protocol = spec.config.protocol.identity()
            shared = [
                spec.config.dataset.identity(), spec.config.model.identity(),
                list(spec.config.optimizer.structure()), spec.config.loss.identity(),
                {**{k: protocol[k] for k in protocol if k not in ("seed", "divergence")},
                 "grad_clip": protocol["grad_clip"] is not None},
            ]  # fmt: skip
            kinds.setdefault(json.dumps(shared), set()).add(kind_key(spec.config))
        assert len(group_runs(planned, lambda members: 1)) == len(planned)
        assert [len(keys) for keys in kinds.values()] == [1] * 16
        assert len(set.union(*kinds.values())) == 16

    def test_a_file_is_read_once_a_plan_and_again_in_the_next(self, tmp_path, specs, monkeypatch):
        file = tmp_path / "d.csv"
        file.write_text("a,y\n1,0\n2,1\n")
        overrides = [
            "dataset=csv",
            f"dataset.path={file}",
            "dataset.target=y",
            "lr=1,2,3",
            "seeds=4",
        ]
        reads, read = [], Path.read_bytes
        monkeypatch.setattr(Path, "read_bytes", lambda path: reads.append(path) or read(path))
        first = [spec.run_id for spec in specs(overrides)]
        assert reads == [file]
        assert [spec.run_id for spec in specs(overrides)] == first
        file.write_text("a,y\n1,0\n2,2\n")
        assert not set(first) & {spec.run_id for spec in specs(overrides)}


class TestStoredIds:
    @pytest.mark.parametrize("study", STORED, ids=lambda path: path.name)
    def test_ids_of_stored_runs_hold(self, study, monkeypatch):
        """Of every run that version 0.1 trained; ids of imported runs hash their file's columns."""
        about = yaml.safe_load((study / "study.yaml").read_text())
        if about.get("imported"):
            return
        for row in reader.read_runs(study).to_pylist():
            numerics = Numerics(**{name: row[name] for name in Numerics.model_fields})
            # The source of a user's class may have changed since.
            for group, module in (("model", custom), ("optimizer", torch)):
                sha256 = row.get(f"{group}.sha256")
                digest = {"sha256": sha256} if sha256 else {}
                monkeypatch.setattr(module, "source_digest", lambda target, d=digest: d)
            assert run_id(RunConfig.from_columns(row), numerics) == row["run_id"]


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
        monkeypatch.setitem(ENGINE_REVISIONS, "compiled", 1)
        (again,) = specs(["lr=0.1"])
        after = Numerics(**compiled.model_dump())
        assert again.run_id == spec.run_id and run_id(spec.config, after) != before
        columns = RunSpec("", spec.config, after).columns()
        assert columns["engine.revision"] == 1 and again.columns()["engine.revision"] == 0

    @pytest.mark.parametrize("section", [Protocol, Eval])
    def test_a_field_added_to_the_protocol(self, section, specs, monkeypatch):
        """Any field stands for one: at its neutral value the id lacks it."""
        field, value = {Protocol: ("divergence", 1000.0), Eval: ("train_examples", None)}[section]
        (spec,) = specs(["lr=0.1"])
        assert field in str(spec.config.protocol.identity())
        monkeypatch.setattr(section, "neutral", {field: value})
        assert field not in str(spec.config.protocol.identity())


def stored(specs):
    """Return the rows of runs as they are read back from a study."""
    return table_of_rows([spec.columns() for spec in specs], run_schema()).to_pylist()


class TestFromColumns:
    @pytest.mark.parametrize(
        "overrides",
        [
            "optimizer=glob(*,exclude=torch) wd=0,0.01 grad_clip=null,1.5",
            "optimizer=sgd optimizer.momentum=0.5 optimizer.name=mine lr=0.1,1",
            "optimizer=torch optimizer.target=torch.optim.NAdam +optimizer.momentum_decay=0.1,1",
            "schedule=glob(*) optimizer.betas=[0.8,0.9],[0.9,0.99]",
            "model=glob(*,exclude=custom) loss=cross_entropy loss.label_smoothing=0,0.1",
            "model=custom model.target=torch.nn.Linear +model.in_features=40 +model.bias=true,false",
            "dataset=glob(*,exclude=[csv,npz]) dataset.subset=null,50",
            "dataset=teacher dataset.task=regression loss=mse",
            "steps=7,null epochs=3 eval.every_steps=null,2 eval.every=2.5 seed=0,9223372036854775807",
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
            kept = {k: v for k, v in spec.config.settings().items() if k != "epochs"}
            assert {k: v for k, v in again.settings().items() if k != "epochs"} == kept

    def test_of_files_of_the_user(self, specs, tmp_path):
        (tmp_path / "d.csv").write_text("a,y\n1,0\n2,1\n")
        np.savez(tmp_path / "d.npz", x=np.zeros((2, 3)), y=np.arange(2))
        for overrides in (["dataset=csv", "dataset.target=y", "dataset.path=d.csv"],
                      ["dataset=npz", "dataset.path=d.npz"]):  # fmt: skip
            (spec,) = specs(overrides)
            (row,) = stored([spec])
            assert run_id(RunConfig.from_columns(row), CPU) == spec.run_id

    def test_a_missing_column_takes_the_neutral_value(self, specs, monkeypatch):
        """Not the class's default; it may be missing, or null in a part that other runs extend."""
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
