"""The Python API is pinned; the documents agree with the code."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import adamcmp
from adamcmp import api, errors
from adamcmp.cli import command_module, main
from adamcmp.config import Composer
from adamcmp.planning.specs import run_specs
from adamcmp.storage.store import Store
from tests.support.required import require_package
from tests.support.studies import SMALL, STUDY_FILE, THREE_STEPS
from tests.support.training_elsewhere import training_elsewhere

ROOT = Path(__file__).parent.parent


def test_the_api_is_pinned():
    assert sorted(adamcmp.__all__) == [
        "AdamcmpError", "BestSetting", "Check", "ConfigError", "DataError", "Descents", "Edge", "Elsewhere", "EngineError", "Equivalence", "ExtendedStudy",
        "ImportResult", "Inspection", "NotFound", "Report", "RunFailed", "RunInProgress", "SearchedStudy", "SettledStudy",
        "StagedStudyResult", "StoreError", "Study", "SweepResult", "check", "compare", "convert", "equivalence", "extend", "import_runs", "inspect", "landscape", "load", "report", "run", "search",
        "settle", "study", "sweep", "torch_optimizer",
    ]  # fmt: skip
    for name in adamcmp.__all__:
        assert getattr(adamcmp, name).__doc__
    of_errors = {name for name in adamcmp.__all__ if hasattr(errors, name)}
    assert set(api.__all__) == set(adamcmp.__all__) - of_errors
    assert all(getattr(api, name) is getattr(adamcmp, name) for name in api.__all__)
    for module in (adamcmp, api):
        with pytest.raises(AttributeError, match="no attribute 'nope'"):
            module.nope  # noqa: B018


@pytest.mark.parametrize("name", ["run", "sweep", "study", "extend", "settle"])
def test_functions_that_train_have_the_options_of_their_command(name):
    """All but those that only affect what a command prints."""
    flags = {flag.lstrip("-").replace("-", "_") for flag in command_module(name).parser().flags}
    shared = {"force", "retry_failed", "config_dir", "scale", "results"}
    assert flags & shared == inspect.signature(getattr(adamcmp, name)).parameters.keys() & shared


def test_importing_the_api_imports_nothing_heavy():
    script = "import adamcmp.api, os, sys; print('torch' in sys.modules, os.environ['MKL_CBWR'])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False AUTO,STRICT\n"


def test_run_sweep_and_load():
    overrides = ["dataset=teacher", "steps=2", "study=api"]
    row = adamcmp.run(overrides)
    assert row["status"] == "done" and row["study"] == "api"
    assert adamcmp.run(overrides, force=True)["train_loss"] == row["train_loss"]
    study = adamcmp.sweep([*overrides, "seed=0,1"])
    assert len(study.runs) == 2 and set(study.metrics["run_id"]) == set(study.runs["run_id"])
    assert adamcmp.load("api").runs["run_id"].tolist() == study.runs["run_id"].tolist()
    with pytest.raises(adamcmp.ConfigError, match="several values use `adamcmp sweep`"):
        adamcmp.run(["seed=0,1"])
    with pytest.raises(adamcmp.ConfigError, match="Pass a list"):
        adamcmp.run("optimizer=adamw wd=0.01")


def test_what_another_process_trains(capsys):
    """The error names the process, and the exit code is 1."""
    overrides = ["dataset=teacher", "steps=2", "study=shared"]
    first = adamcmp.run([*overrides, "seed=0"])
    folder = Path(first["folder"])
    config = Composer().sweep([*overrides, "seed=0,1"])
    specs = run_specs(config, Store(folder).numerics())
    with training_elsewhere(folder, specs):
        assert adamcmp.run([*overrides, "seed=0"])["run_id"] == first["run_id"]  # it is stored
        for call in (
            lambda: adamcmp.run([*overrides, "seed=1"]),
            lambda: adamcmp.sweep([*overrides, "seed=0,1"]),
        ):
            with pytest.raises(
                adamcmp.RunInProgress, match=rf"Process {os.getpid()} on .* is training"
            ):
                call()
        for command in (["run", *overrides, "seed=1"], ["sweep", *overrides, "seed=0,1"]):
            capsys.readouterr()
            assert main(command) == 1
            assert "is training 1 run of this command" in capsys.readouterr().err
    assert len(adamcmp.sweep([*overrides, "seed=0,1"]).runs) == 2


def test_compare():
    overrides = ["dataset=teacher", "steps=2", "optimizer=adam_l2,adamw", "seed=0,1,2", "study=api"]
    runs = adamcmp.sweep(overrides).runs
    table = adamcmp.compare(runs, a="optimizer=adamw", b="optimizer=adam_l2", metric="test_loss")
    by_seed = runs.pivot_table(index="seed", columns="optimizer", values="test_loss")
    difference = by_seed["adamw"] - by_seed["adam_l2"]
    row = table.iloc[0]
    assert len(table) == 1 and row["n"] == 3
    assert row["estimate"] == pytest.approx(difference.mean())
    assert row["ci_low"] < row["estimate"] < row["ci_high"]
    assert 0 <= row["p_value"] <= 1 and "AdamW" in row["verdict"]


def test_the_hydra_state_of_the_calling_program_is_unchanged():
    from hydra.core.global_hydra import GlobalHydra

    marker = object()
    GlobalHydra.instance().hydra = marker
    try:
        adamcmp.run(["dataset=teacher", "steps=1"])
        assert GlobalHydra.instance().hydra is marker
    finally:
        GlobalHydra.instance().clear()


def test_a_crash_raises(tmp_path):
    (tmp_path / "crashnet.py").write_text(
        "import torch\nclass Net(torch.nn.Linear):\n"
        "    def __init__(self): super().__init__(40, 10)\n"
        "    def forward(self, x):\n"
        "        if len(x) > 2: raise RuntimeError('out of luck')\n"
        "        return super().forward(x)\n"
    )
    with pytest.raises(adamcmp.RunFailed, match="out of luck"):
        adamcmp.run(["model=custom", "model.target=crashnet.Net"])
    with pytest.raises(adamcmp.RunFailed, match="2 of 2 runs failed: RuntimeError: out of luck"):
        adamcmp.sweep(["model=custom", "model.target=crashnet.Net", "seed=0,1"])


def test_ci_runs_the_readmes_commands():
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"^python3 -m venv .*$", readme, re.MULTILINE)
    assert len(commands) == 2
    assert "adamcmp run optimizer=adamw wd=0.01" in commands[0] and "pytest" in commands[1]
    assert all("-c constraints.txt" in command for command in commands)
    picked = subprocess.run(
        ["bash", "-c", "source .ci/readme_command; readme_command pytest README.md"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert picked.stdout.strip() == commands[1]


def test_documents_show_no_dead_links():
    """Sphinx checks the links of the site."""
    for document in ROOT.glob("*.md"):
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_search_returns_the_best_setting():
    require_package("optuna")
    overrides = [*THREE_STEPS, "lr=tag(log,interval(1e-4,1e-1))", "wd=interval(0,0.5)", "study=s"]
    overrides += ["optimizer=adamw,sgd", "sampler=random", "n=3"]
    result = adamcmp.search(overrides)
    assert result.study.name == "s" and result.objective == "val_error"
    runs = result.study.runs
    lowest = runs.groupby("optimizer")["val_error"].min()
    assert {best.overrides[0]: best.value for best in result.best} == {
        f"optimizer={name}": value for name, value in lowest.items()
    }
    for best in result.best:
        row = adamcmp.run([*THREE_STEPS, "study=s", *best.overrides])
        assert row["run_id"] in set(runs["run_id"]) and row["val_error"] == best.value
    with pytest.raises(adamcmp.ConfigError, match="A search needs sampler="):
        adamcmp.search([*THREE_STEPS, "lr=0.1,0.2"])


@pytest.mark.slow
def test_study_trains_two_stages_and_reports(tmp_path, quick_reports):
    (tmp_path / "mine" / "study").mkdir(parents=True)
    scales = (
        "scales: {smoke: {common: {seeds: 1}, blocks: {adam: {lr: 0.1}}, select: {seeds: 2}}}\n"
    )
    (tmp_path / "mine" / "study" / "own.yaml").write_text(STUDY_FILE + scales)
    result = adamcmp.study("own", config_dir="mine", scale="smoke", report=False)
    assert result.report is None and result.study.name == "own-smoke"
    assert [len(stage.trained) for stage in result.stages] == [5, 6]
    assert len(result.study.runs) == 11
    forced = adamcmp.study("own", config_dir="mine", scale="smoke", force=True, report=False)
    assert [len(stage.trained) for stage in forced.stages] == [5, 6]
    assert len(forced.study.runs) == 11
    again = adamcmp.study("own", ["seeds=1"], config_dir="mine", scale="smoke")
    assert [stage.trained for stage in again.stages] == [(), ()]
    assert again.report.answer.verdicts and all(file.exists() for file in again.report.files)
    with pytest.raises(adamcmp.NotFound, match="no study file 'nope'"):
        adamcmp.study("nope")


def test_extend_trains_beyond_the_edge():
    grid = [*SMALL, "steps=30", "eval.every_steps=30", "optimizer=adamw", "study=e"]
    adamcmp.sweep([*grid, "lr=1e-4,1e-3", "seeds=2"])
    result = adamcmp.extend("e", ["workers=0"])
    ((axis, beyond),) = ((edge.axis, edge.beyond) for edge in result.edges)
    assert axis == "lr" and result.trained == 2
    assert sorted(result.study.runs["lr"].unique()) == pytest.approx([1e-4, 1e-3, beyond])
    adamcmp.sweep([*grid, "lr=1e-3", "seeds=2", "study=point"])
    point = adamcmp.extend("point")  # one value is no grid
    assert point.edges == () and point.trained == 0
    with pytest.raises(adamcmp.ConfigError, match="keeps the study's settings"):
        adamcmp.extend("e", ["lr=1"])


def test_report_writes_the_page(quick_reports):
    adamcmp.sweep([*THREE_STEPS, "optimizer=adam_l2,adamw", "seeds=2", "study=r"])
    report = adamcmp.report("r")
    assert report.folder == adamcmp.load("r").folder / "report"
    assert report.files[0].name == "index.html" and report.files[0].exists()
    assert len(report.answer.verdicts) == 1
    latest = adamcmp.report((), ["optimizer=adamw"])
    assert latest.answer.name == "r" and len(latest.answer.runs) == 2
    with pytest.raises(adamcmp.NotFound):
        adamcmp.report("nope")
    with pytest.raises(adamcmp.ConfigError, match=r"Pass a list, such as \['lr=0.1'\]"):
        adamcmp.report("r", "lr=0.1")


def test_import_runs(tmp_path):
    file = tmp_path / "runs.csv"
    file.write_text("opt,lr,seed,acc,m\nadamw,0.1,0,75,0.9\nsgd,0.2,1,60,0.8\n")
    arguments = {
        "columns": {"optimizer": "opt", "test_accuracy": "acc"},
        "constants": {"dataset": "cifar10", "model": "resnet18", "wd": 0},
        "percent": ["test_accuracy"],
        "settings": ["m"],
    }
    planned = adamcmp.import_runs(file, "theirs", **arguments, dry_run=True)
    assert len(planned.runs) == 2 and not planned.folder.exists()
    result = adamcmp.import_runs(file, "theirs", **arguments)
    assert result.replaced == 0 and len(result.metrics) == 0
    runs = adamcmp.load("theirs").runs
    assert runs["test_error"].tolist() == pytest.approx([0.25, 0.4])
    assert runs["m"].tolist() == [0.9, 0.8]
    again = adamcmp.import_runs(file, "theirs", **arguments)
    assert (again.replaced, again.unchanged) == (0, 2)
    with pytest.raises(adamcmp.ConfigError, match="has no column 'dataset'"):
        adamcmp.import_runs(file, "other", columns={"optimizer": "opt"})
    for option in ("percent", "higher_is_better", "settings", "where"):
        with pytest.raises(adamcmp.ConfigError, match="Pass a list"):
            adamcmp.import_runs(file, "other", **{option: "m"})


def test_no_function_takes_one_string_for_overrides():
    for function in (adamcmp.run, adamcmp.sweep, adamcmp.search):
        with pytest.raises(adamcmp.ConfigError, match="Pass a list"):
            function("optimizer=adamw wd=0.01")
