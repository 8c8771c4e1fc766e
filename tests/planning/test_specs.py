"""Run ids: the hash of everything that can change a run's numbers, and of nothing else."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from adamcmp.components.models import custom
from adamcmp.components.optimizers import torch
from adamcmp.config import ENGINE_REVISIONS, Numerics, RunConfig
from adamcmp.planning.specs import run_id, run_specs
from adamcmp.storage import reader
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
        overrides = ["optimizer=glob(*,exclude=torch)", "lr=1e-3,0.5", "wd=0,1e-05"]
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
        metadata = yaml.safe_load((COMMITTED / "study.yaml").read_text())
        numerics = Numerics(**metadata["numerics"])
        planned = [
            run_specs(composer.sweep(command["words"]), numerics) for command in metadata["asked"]
        ]
        assert {row["run_id"] for row in rows} == {s.run_id for specs in planned for s in specs}
        for row in rows:
            assert run_id(RunConfig.from_columns(row), numerics) == row["run_id"]

    def test_each_plan_reads_a_file_once(self, tmp_path, specs, monkeypatch):
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


@pytest.mark.usefixtures("any_code")
class TestStoredIds:
    @pytest.mark.parametrize("study", STORED, ids=lambda path: path.name)
    def test_ids_of_stored_runs_are_unchanged(self, study, monkeypatch):
        """Checked for all runs that version 0.1 trained; ids of imported runs hash columns of a file."""
        metadata = yaml.safe_load((study / "study.yaml").read_text())
        if metadata.get("imported"):
            return
        for row in reader.read_runs(study).to_pylist():
            numerics = Numerics(**{name: row[name] for name in Numerics.model_fields})
            monkeypatch.setitem(ENGINE_REVISIONS, row["engine"], row.get("engine.revision", 0))
            # The source of a user's class may have changed since.
            for group, module in (("model", custom), ("optimizer", torch)):
                sha256 = row.get(f"{group}.sha256")
                digest = {"sha256": sha256} if sha256 else {}
                monkeypatch.setattr(module, "source_digest", lambda target, d=digest: d)
            assert run_id(RunConfig.from_columns(row), numerics) == row["run_id"]
