"""Results that version 0.1 wrote are read, reported, extended and resumed."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

import adamcmp
from adamcmp.cli import main
from adamcmp.storage.store import Store
from tests.conftest import needs_compiler
from tests.support.required import require_package

RESULTS = Path(__file__).with_name("results")
STUDIES = {
    "compiled": {"done": 12},
    "diverged": {"done": 3, "diverged": 3},
    "failed": {"done": 1, "failed": 2},
    "grid": {"done": 81},
    "imported": {"done": 3, "diverged": 1},
    "interrupted": {},
    "interrupted_compiled": {},
    "regression": {"done": 4},
    "search": {"done": 24},
    "torch_class": {"done": 4},
    "two_stages": {"done": 29},
}
TEACHER = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=100"]
MLP = [*TEACHER, "model.width=16"]


@pytest.fixture
def old_results(results, tmp_path):
    """The results folder of version 0.1, to be changed at will."""
    shutil.copytree(RESULTS, results)
    shutil.copy(Path(__file__).with_name("crashing_net.py"), tmp_path)
    shutil.copytree(Path(__file__).with_name("study"), tmp_path / "mine" / "study")
    return results


@pytest.mark.parametrize("study", STUDIES)
def test_reads(study, old_results, capsys):
    runs = adamcmp.load(study).runs
    counts = runs["status"].value_counts().to_dict() if len(runs) else {}
    assert counts == STUDIES[study]
    assert runs["run_id"].is_unique if len(runs) else True
    assert main(["ls", study]) == 0


def test_lists_all_studies(old_results, capsys):
    assert main(["ls"]) == 0
    listed = capsys.readouterr().out
    assert all(study in listed for study in STUDIES)


#: Studies with failed and with imported runs; the reports of the others are slow tests.
REPORTED = ("failed", "imported")


@pytest.mark.parametrize(
    "study",
    [
        pytest.param(name, marks=[] if name in REPORTED else pytest.mark.slow)
        for name, counts in STUDIES.items()
        if "done" in counts
    ],
)
def test_reports(study, old_results, no_plots, capsys):
    assert main(["report", study]) == 0
    page = (old_results / study / "report" / "index.html").read_text(encoding="utf-8")
    is_compared = adamcmp.load(study).runs["optimizer"].nunique() > 1
    assert ("intervals of comparisons cover seeds only" in page) == is_compared


@pytest.mark.parametrize(
    ("study", "overrides"),
    [
        ("grid", [*MLP, "optimizer=adam_l2,adamw,sgd", "lr=1e-3,1e-2,1e-1", "wd=0,1e-2,1e-1", "seeds=3", "epochs=4", "engine=eager"]),
        ("diverged", [*MLP, "optimizer=sgd", "lr=1e-2,1e6", "seeds=3", "epochs=3", "engine=eager"]),
        ("regression", [*MLP, "dataset.task=regression", "loss=mse", "optimizer=adamw", "lr=1e-3,1e-2", "seeds=2", "epochs=3", "engine=eager"]),
        ("torch_class", [*MLP, "optimizer=torch", "optimizer.target=torch.optim.NAdam", "lr=1e-3,1e-2", "seeds=2", "epochs=3", "+optimizer.momentum_decay=0.01"]),
    ],
)  # fmt: skip
def test_the_same_command_trains_nothing(study, overrides, old_results, capsys):
    """The run ids that it asks for are those in the folder."""
    before = sorted((old_results / study / "runs").iterdir())
    assert main(["sweep", "-q", *overrides, f"study={study}", "workers=0"]) == 0
    assert "(0 newly trained)" in capsys.readouterr().out
    assert sorted((old_results / study / "runs").iterdir()) == before


@pytest.mark.slow
@needs_compiler
def test_compiled_runs_are_trained_again(old_results, capsys):
    """The engine has computed other numbers since; its old runs remain."""
    overrides = ["optimizer=adamw,sgd", "wd=0,1e-2", "seeds=3", "epochs=3", "engine=compiled"]
    assert main(["sweep", "-q", *MLP, *overrides, "study=compiled", "workers=0"]) == 0
    assert "(12 newly trained)" in capsys.readouterr().out
    runs = adamcmp.load("compiled").runs
    assert runs["engine.revision"].fillna(0).value_counts().to_dict() == {0: 12, 1: 12}


def test_failed_runs_are_known_and_not_trained_again(old_results, capsys):
    """Version 0.1 did not refuse a network that counts its batches in an attribute."""
    overrides = [*TEACHER, "model=custom", "model.target=crashing_net.Crashes", "optimizer=adamw"]
    command = ["sweep", "-q", *overrides, "seeds=2", "epochs=6", "study=failed", "workers=0"]
    assert main(command) == 1
    assert "(0 newly trained): 2 failed" in capsys.readouterr().out
    assert main([*command, "--retry-failed"]) == 2
    assert "keeps state in batches" in capsys.readouterr().err


def test_continues_the_search(old_results, capsys):
    """The proposed settings are those of the file, so nothing is trained again."""
    require_package("optuna")
    search = ["optimizer=adamw,sgd", "lr=tag(log,interval(1e-3,1e-1))", "wd=0,1e-2", "sampler=tpe"]
    overrides = [*MLP, *search, "n=6", "batch=3", "seeds=2", "epochs=3", "engine=eager"]
    assert main(["sweep", "-q", *overrides, "study=search", "workers=0"]) == 0
    assert "(0 newly trained)" in capsys.readouterr().out


def test_continues_both_stages(old_results, quick_reports, capsys):
    assert main(["study", "two_stages", "--config-dir", "mine", "-q"]) == 0
    assert capsys.readouterr().out.count("(0 newly trained)") == 2
    assert (old_results / "two_stages" / "report" / "index.html").exists()


def test_extends(old_results, capsys):
    assert main(["extend", "grid", "-q", "workers=0"]) == 0
    assert len(adamcmp.load("grid").runs) > 81


def test_imports_again(old_results, tmp_path, capsys):
    shutil.copy(Path(__file__).with_name("theirs.csv"), tmp_path)
    mapping = ["optimizer=opt", "lr=learning_rate", "test_accuracy=acc", "val_accuracy=val"]
    percent = ["--percent", "test_accuracy", "val_accuracy"]
    constants = ["--set", "dataset=cifar10", "model=resnet18"]
    command = ["import-csv", "theirs.csv", "--study", "imported", "--map", *mapping]
    assert main([*command, *percent, *constants]) == 0
    assert "0 new, 0 replaced, 4 unchanged" in capsys.readouterr().out


INTERRUPTED = ["steps=3000", "eval.every_steps=1000", "engine=eager"]
INTERRUPTED_COMPILED = ["steps=60000", "eval.every_steps=20000"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "overrides", "run_count"),
    [
        ("interrupted", ["optimizer=adamw,sgd", "seeds=2", *INTERRUPTED], 4),
        pytest.param(
            *("interrupted_compiled", ["optimizer=adamw,sgd", "seeds=4", *INTERRUPTED_COMPILED], 8),
            marks=needs_compiler,
        ),
    ],
)
def test_resumes_an_interrupted_sweep(study, overrides, run_count, old_results, capsys):
    """From its checkpoints, or from the start where another processor or version wrote them."""
    assert main(["sweep", "-q", *MLP, *overrides, f"study={study}", "workers=0"]) == 0
    runs = pd.read_parquet(old_results / study / "runs")
    assert len(runs) == run_count and (runs["status"] == "done").all()
    checkpoints = Store(old_results / study).checkpoints.existing().values()
    assert all(frozenset(runs["run_id"]).isdisjoint(run_ids) for run_ids in checkpoints)
