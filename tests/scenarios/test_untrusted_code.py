"""Study files and results of others are data: code that they name is imported only if allowed."""

import hashlib
import sys

import pytest

import adamcmp
from adamcmp.cli import main
from adamcmp.components.trusted_code import UntrustedCode

#: A module that leaves a file when it is imported.
MODULE = """\
from pathlib import Path
import torch
from adamcmp.components.optimizers.adam import Adam
Path("imported").touch()
class Net(torch.nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__(torch.nn.Flatten(), torch.nn.Linear(inputs[0], outputs))
class SGD(torch.optim.SGD): pass
class Own(Adam):
    rule: str
def make(): return torch.eye(40).numpy(), [0, 1] * 20
"""
QUICK = ["dataset=teacher", "steps=2", "engine=eager"]
NAMING = {
    "model": "model: custom, model.target: evil.Net",
    "model in a package": "model: custom, model.target: evilpackage.nets.Net",
    "dataset": "dataset: custom, dataset.target: evil.make",
    "optimizer": "optimizer: torch, optimizer.target: evil.SGD",
    "group": "optimizer: torch, optimizer.target: torch.optim.SGD, "
    "optimizer.groups.head.target: evil.SGD",
    "rule": "optimizer: adamw, optimizer.rule: evil.Own",
    "rule in a mapping": 'optimizer: "{rule: evil.Own}"',
    "two of them": "model: custom, model.target: [evil.Net, evil.Other]",
}


@pytest.fixture(autouse=True)
def evil(tmp_path):
    (tmp_path / "evil.py").write_text(MODULE)
    (tmp_path / "evilpackage").mkdir()
    (tmp_path / "evilpackage/__init__.py").write_text("open('imported', 'w')\n")
    (tmp_path / "evilpackage/nets.py").write_text(MODULE)
    yield
    for name in ("evil", "evilpackage", "evilpackage.nets"):
        sys.modules.pop(name, None)


@pytest.fixture
def imported(tmp_path):
    """Whether one of the modules was imported."""
    return (tmp_path / "imported").exists


def study_file(path, entries):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"common: {{steps: 2}}\nblocks: {{only: {{{entries}}}}}\n")


@pytest.mark.parametrize("entries", NAMING.values(), ids=list(NAMING))
def test_a_study_file_of_others(entries, tmp_path, results, imported, capsys):
    study_file(tmp_path / "theirs.yaml", entries)
    assert main(["study", "theirs.yaml"]) == 2
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1 and "Traceback" not in err
    assert "theirs.yaml names code: " in err and "--allow-code" in err and "evil" in err
    assert not imported() and not results.exists()
    with pytest.raises(UntrustedCode):
        adamcmp.study("theirs.yaml")
    assert not imported() and not results.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["theirs.yaml", "--allow-code"],
        ["theirs.yaml", "optimizer.rule=evil.Own"],
        ["theirs", "--config-dir", "configs"],
        ["theirs.yaml", "--config-dir", "configs"],
    ],
    ids=["allowed", "named", "in the config folder", "named in the config folder"],
)
def test_code_that_the_user_trusts(arguments, tmp_path, imported):
    for file in ("theirs.yaml", "configs/study/theirs.yaml"):
        study_file(tmp_path / file, "optimizer: adamw, optimizer.rule: evil.Own, dataset: teacher")
    assert main(["study", *arguments, "seeds=1", "--quiet", "--dry-run", "workers=0"]) == 0
    assert imported()


def test_a_study_file_of_others_reads_no_environment(tmp_path, results, monkeypatch, capsys):
    monkeypatch.setenv("SECRET", "hunter2")
    study_file(tmp_path / "theirs.yaml", "dataset: csv, dataset.path: '${oc.env:SECRET}'")
    assert main(["study", "theirs.yaml"]) == 2
    err = capsys.readouterr().err
    assert "theirs.yaml reads the environment" in err and "hunter2" not in err
    study_file(tmp_path / "theirs.yaml", "optimizer: sgd, lr: 0.1, wd: '${optimizer.lr}'")
    assert main(["study", "theirs.yaml", *QUICK, "--dry-run", "workers=0"]) == 0


PLANNED = ["optimizer=adamw", "optimizer.rule=evil.Own", "seeds=2", "study=theirs", "workers=0"]


def contents(folder):
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture
def their_study(tmp_path, results):
    """A study of a model and a rule of its author's code, which is not imported any more."""
    adamcmp.sweep(
        [*QUICK, "model=custom", "model.target=evil.Net", "lr=0.1,0.2", "seeds=2", "study=theirs"]
    )
    adamcmp.sweep([*QUICK, "optimizer=adamw", "optimizer.rule=evil.Own", "study=theirs"])
    for name in ("evil", "imported"):
        sys.modules.pop(name, None)
    (tmp_path / "imported").unlink()
    return results / "theirs"


def test_runs_of_others(their_study, imported, capsys, quick_reports):
    before = contents(their_study)
    for command in (["extend", "theirs"], ["extend", "theirs", "seeds=2"], ["settle", "theirs"]):
        assert main(command) == 2
        err = capsys.readouterr().err
        assert "theirs/runs names code: " in err and "--allow-code" in err
        assert err.count("\n") == 1
    with pytest.raises(UntrustedCode):
        adamcmp.extend("theirs")
    assert contents(their_study) == before and not imported()
    # Commands that only read results import nothing.
    run = adamcmp.load("theirs").runs["run_id"][0]
    for command in (["report", "theirs"], ["ls"], ["ls", "theirs"], ["show", run]):
        assert main(command) in (0, 1)
    assert not imported()


def test_runs_of_others_whose_code_is_allowed(their_study, imported):
    extended = adamcmp.extend("theirs", ["seeds=1"], allow_code=True)
    assert extended.trained > 0 and imported()


def test_plans_of_others(tmp_path, results, imported, capsys):
    """A worker neither imports code that a plan names, nor reserves any of its runs."""
    assert main(["sweep", *QUICK, *PLANNED, "--plan-only"]) == 0
    for name in ("evil", "imported"):
        sys.modules.pop(name, None)
    (tmp_path / "imported").unlink()
    before, planned = contents(results), results / "theirs/queue/plan-000001.parquet"
    capsys.readouterr()
    assert main(["worker", "theirs", "workers=0", "-q"]) == 2
    err = capsys.readouterr().err
    assert f"{planned} names code: optimizer.rule=evil.Own" in err and "--allow-code" in err
    assert contents(results) == before and not imported()
    (tmp_path / "mine/optimizer").mkdir(parents=True)
    (tmp_path / "mine/optimizer/own.yaml").write_text("rule: evil.Own\n")
    assert main(["worker", "theirs", "workers=0", "-q", "--config-dir", "mine"]) == 0
    assert imported() and len(adamcmp.load("theirs").runs) == 2


def test_later_stages_ignore_runs_with_other_code(their_study, tmp_path, imported):
    """A study file that is trained into the folder of others imports none of their code."""
    (tmp_path / "mine.yaml").write_text(
        "common: {dataset: teacher, steps: 2, optimizer: sgd, study: theirs, engine: eager}\n"
        "blocks: {only: {lr: [0.1, 0.2]}}\nselect: {seeds: 1}\n"
    )
    result = adamcmp.study("mine.yaml", report=False)
    assert [len(stage.trained) for stage in result.stages] == [2, 1] and not imported()
