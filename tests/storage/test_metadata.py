"""study.yaml: the commands and numerics of a study."""

import pytest
import yaml

import adamcmp
from adamcmp.cli import main
from adamcmp.config import Numerics
from adamcmp.errors import ConfigError, StoreError
from adamcmp.storage.metadata import (
    METADATA_FILE,
    last_addition,
    read_study_metadata,
    requested_runs,
    searched_keys,
)
from adamcmp.storage.store import Store
from tests.conftest import CPU
from tests.support.imports import imported_study
from tests.support.studies import FAST


def test_a_study_that_does_not_exist_has_no_metadata(files):
    assert read_study_metadata(files) == {} and Store(files).numerics() is None


@pytest.mark.parametrize("content", [b"{nonsense", b"\xff", b"[]", b"study: s"])
def test_damage_is_named(store, files, content):
    files.replace(METADATA_FILE, content)
    with pytest.raises(StoreError, match=r"study\.yaml is damaged"):
        store.numerics()


def test_commands_name_a_damaged_file(results, capsys):
    adamcmp.run(FAST)
    (results / "s" / METADATA_FILE).write_text("{nonsense")
    assert main(["run", *FAST, "seed=9"]) == 2
    assert "study.yaml is damaged" in capsys.readouterr().err


def test_each_command_is_recorded(results):
    for seed in range(3):
        adamcmp.run([*FAST, "engine=eager", f"seed={seed}"])
    metadata = read_study_metadata(results / "s")
    assert (metadata["study"], metadata["schema"]) == ("s", 1)
    assert metadata["numerics"] == CPU.model_dump()
    assert [command["words"][-1] for command in metadata["asked"]] == ["seed=0", "seed=1", "seed=2"]
    assert {"adamcmp_version", "torch_version", "git_commit", "at"} <= set(metadata["asked"][0])
    assert Store(results / "s").numerics() == CPU


def test_other_alphabets(store):
    store.open_for_training(CPU, ["study=größe"], {})
    assert store.study_metadata()["asked"][-1]["words"] == ["study=größe"]


class TestNumerics:
    """Any field stands for one that was added after the study began."""

    @pytest.fixture
    def older(self, store, files, monkeypatch):
        """A study whose study.yaml lacks numerics.dtype, which has a neutral value."""
        metadata = yaml.safe_load(files.read(METADATA_FILE))
        del metadata["numerics"]["dtype"]
        files.replace(METADATA_FILE, yaml.safe_dump(metadata).encode())
        monkeypatch.setattr(Numerics, "neutral", {"dtype": "float64"})
        return Store(files)

    def test_a_missing_value_is_the_neutral_one(self, older):
        assert older.numerics() == CPU.model_copy(update={"dtype": "float64"})

    def test_an_older_study_can_be_trained_in(self, older):
        numerics = older.numerics()
        older.open_for_training(numerics, ["lr=1"], {})
        assert older.study_metadata()["asked"][-1]["words"] == ["lr=1"]
        with pytest.raises(StoreError, match=r"has just created .* with .*=.*Repeat this command"):
            older.open_for_training(CPU, [], {})

    def test_a_sweep_adds_runs_to_an_older_study(self, results, monkeypatch):
        """The ids are those that the same runs had before the field existed."""
        monkeypatch.setattr(Numerics, "neutral", {"dtype": "float32"})
        (old,) = adamcmp.sweep([*FAST, "seed=0", "engine=eager"]).runs["run_id"]
        path = results / "s" / METADATA_FILE
        path.write_text(path.read_text().replace("  dtype: float32\n", ""))
        assert "dtype" not in path.read_text()
        runs = adamcmp.sweep([*FAST, "seed=0,1"]).runs
        assert len(runs) == 2 and old in set(runs["run_id"])
        with pytest.raises(ConfigError, match="with dtype=float32"):
            adamcmp.sweep([*FAST, "dtype=float64"])

    def test_a_missing_value_without_a_neutral_one_is_damage(self, older, monkeypatch):
        monkeypatch.setattr(Numerics, "neutral", {})
        with pytest.raises(StoreError, match=r"damaged: it has no numerics\.dtype"):
            older.numerics()


@pytest.mark.parametrize(
    ("commands", "searched"),
    [
        ([["lr=1e-3,1e-2", "wd=0.1"], ["extend s"], ["settle s"]], [set()]),
        ([["lr=tag(log,interval(1e-4,1e-1))", "sampler=tpe"], ["extend s", "seeds=5"]], [{"lr"}]),
        ([["optimizer.lr=interval(0,1)", "optimizer.momentum=interval(0,1)"], ["study s"]],
         [{"lr", "optimizer.momentum"}, set()]),
        ([["lr=default"], ["lr=default", "sampler=tpe"]], [frozenset(), {"lr"}]),
        ([], None),
    ],
)  # fmt: skip
def test_the_searched_keys_of_each_command(commands, searched, store, files):
    metadata = {"study": "s", "numerics": {}, "asked": [{"words": words} for words in commands]}
    files.replace(METADATA_FILE, yaml.safe_dump(metadata).encode())
    assert searched_keys(files) == searched


def test_an_import_does_not_say_what_was_searched(results):
    assert searched_keys(imported_study(results / "s")) is None


@pytest.mark.parametrize(
    ("commands", "requested"),
    [
        ([], 0),
        ([{}], 0),  # version 0.1 did not record the number of runs
        ([{"runs": 4}, {"runs": 2}], 2),
        ([{"study_runs": 10, "runs": 6}, {"study_runs": 9, "runs": 3}], 9),  # stages of a study
        ([{"study_runs": 10, "runs": 10}, {"words": ["extend s"], "study_runs": 13}], 13),
        ([{"study_runs": 10, "runs": 10}, {"words": ["lr=1"], "study_runs": 2}], 10),
    ],
)
def test_the_requested_runs(commands, requested, store, files):
    asked = [{"words": ["study s"], **command} for command in commands]
    content = yaml.safe_dump({"study": "s", "numerics": {}, "asked": asked})
    files.replace(METADATA_FILE, content.encode())
    assert requested_runs(files) == requested


def test_the_last_addition(store, files):
    commands = [{"words": ["lr=1"]}, {"addition": {"seeds": {"d, m": [1]}}}, {"addition": {}}, {}]
    for count, addition in ((1, None), (2, {"seeds": {"d, m": [1]}}), (4, {})):
        content = yaml.safe_dump({"study": "s", "numerics": {}, "asked": commands[:count]})
        files.replace(METADATA_FILE, content.encode())
        assert last_addition(files) == addition


def test_commands_record_how_many_runs_the_study_then_has(results):
    for seeds in ("seeds=2", "seed=1,2"):
        adamcmp.sweep([*FAST, seeds])
    metadata = read_study_metadata(results / "s")
    assert [command["study_runs"] for command in metadata["asked"]] == [2, 3]
