"""An existing study continues with the defaults that it was created with."""

import json
import shutil

import pytest
import yaml

import adamcmp
from adamcmp.cli import main
from tests.support.commands import run
from tests.support.required import require_package
from tests.support.training import crashing

#: One step per epoch, so that the default number of epochs is quick.
SMALL = ["dataset.subset=400", "batch_size=360", "eval.every=30", "workers=0", "-q"]
NOTICE = "study old was created with earlier defaults (lr=0.001, epochs=30) and continues with them"
STUDY = {
    "common": {"lr": 1e-2},
    "blocks": {"adamw": {"optimizer": "adamw"}},
    "select": {"seeds": 1},
}
COMMANDS = {
    "run": ["run"],
    "sweep": ["sweep", "optimizer=adamw,sgd", "seeds=2"],
    "search": ["sweep", "wd=interval(0.01,0.1)", "sampler=random", "n=2"],
    "study": ["study", "mine.yaml"],
}


@pytest.fixture
def old(results):
    """A study that version 0.1 began, which recorded no version of the defaults."""
    numerics = {"device": "cpu", "dtype": "float32", "threads": 1, "engine": "eager"}
    metadata = {"study": "old", "schema": 1, "numerics": numerics, "asked": []}
    (results / "old").mkdir(parents=True)
    (results / "old" / "study.yaml").write_text(yaml.safe_dump(metadata))
    return results / "old"


def trained_runs(study, capsys, command):
    """Run a command in a study; return the stored runs."""
    run(capsys, *command, *SMALL, f"study={study}")
    return adamcmp.load(study).runs


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_keeps_former_defaults(name, old, tmp_path, quick_reports, capsys):
    if name == "search":
        require_package("optuna")
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(STUDY))
    runs = trained_runs("old", capsys, COMMANDS[name])
    assert set(runs["epochs"]) == {30}
    assert trained_runs("old", capsys, COMMANDS[name])["run_id"].tolist() == list(runs["run_id"])
    assert set(trained_runs("new", capsys, COMMANDS[name])["epochs"]) == {60}


def test_the_learning_rate_is_the_former_one(old, capsys):
    sweep = ["sweep", "optimizer=adamw,sgd"]
    lrs = trained_runs("old", capsys, sweep).set_index("optimizer")["lr"]
    assert dict(lrs) == {"adamw": 0.001, "sgd": 0.1}
    lrs = trained_runs("new", capsys, sweep).set_index("optimizer")["lr"]
    assert dict(lrs) == {"adamw": 0.01, "sgd": 0.1}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_notice_names_the_former_values(name, old, tmp_path, capsys):
    if name == "search":
        require_package("optuna")
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(STUDY | {"common": {}}))
    assert main([*COMMANDS[name], *SMALL, "study=old", "--dry-run"]) == 0
    assert capsys.readouterr().err.count(NOTICE) == 1
    assert main([*COMMANDS[name], *SMALL, "study=new", "--dry-run"]) == 0
    assert "former" not in capsys.readouterr().err


def test_no_notice_if_the_command_sets_what_has_changed(old, capsys):
    assert main(["sweep", *SMALL, "optimizer=adamw,sgd", "lr=0.1", "steps=2", "study=old"]) == 0
    assert "former" not in capsys.readouterr().err


def test_another_dataset_has_the_same_defaults(old, capsys):
    assert main(["run", *SMALL, "dataset=digits", "study=old"]) == 0
    assert "former" not in capsys.readouterr().err


def test_failed_runs_are_retried_with_former_defaults(old, capsys):
    with crashing(lambda config: config.optimizer.name == "sgd"):
        assert main([*COMMANDS["sweep"], *SMALL, "study=old"]) == 1
    capsys.readouterr()
    assert main([*COMMANDS["sweep"], *SMALL, "study=old", "--retry-failed", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trained"] == 2
    assert adamcmp.load("old").runs["epochs"].tolist() == [30] * 4


def test_an_extension_has_the_former_length(old, capsys):
    trained_runs("old", capsys, ["sweep", "lr=1e-5,1e-3", "wd=0.1", "seeds=2"])
    run(capsys, "extend", "old", "-q", "workers=0")
    runs = adamcmp.load("old").runs
    assert len(runs) > 4 and set(runs["epochs"]) == {30}


def test_the_printed_configuration_is_that_of_the_study(old, capsys):
    printed = yaml.safe_load(run(capsys, "run", "--cfg", "job", "study=old"))
    assert (printed["epochs"], printed["optimizer"]["lr"]) == (30, 0.001)
    printed = yaml.safe_load(run(capsys, "sweep", "--cfg", "job"))
    assert (printed["epochs"], printed["optimizer"]["lr"]) == (60, 0.01)


@pytest.mark.parametrize(("study", "epochs"), [("old", 30), ("new", 60)])
def test_a_copy_of_a_study_keeps_its_defaults(study, epochs, old, results, capsys):
    runs = trained_runs(study, capsys, COMMANDS["sweep"])
    shutil.copytree(results / study, results / "copy")
    copied = trained_runs("copy", capsys, COMMANDS["sweep"])
    assert copied["run_id"].tolist() == runs["run_id"].tolist()
    assert set(copied["epochs"]) == {epochs}


def test_a_study_of_a_later_version_is_refused(results, capsys):
    run(capsys, "run", *SMALL, "steps=1", "study=new")
    file = results / "new" / "study.yaml"
    assert yaml.safe_load(file.read_text())["defaults"] == 2
    file.write_text(file.read_text().replace("defaults: 2", "defaults: 9"))
    assert main(["run", *SMALL, "study=new"]) == 2
    assert "no defaults of version 9" in capsys.readouterr().err


@pytest.mark.slow
def test_the_default_run_learns_mnist1d(capsys):
    """The MLP of the data set's authors has a test error of 0.32."""
    row = json.loads(run(capsys, "run", "--json"))
    assert row["test_error"] < 0.37
