"""The Python face is small and pinned; the documents say what is true."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import adamcmp
from adamcmp import errors
from adamcmp.cli import COMMANDS, main
from adamcmp.config import Composer
from adamcmp.execution.reservations import reserve
from adamcmp.planning.specs import run_specs
from adamcmp.storage.store import Store

ROOT = Path(__file__).parent.parent


def test_the_face_is_pinned():
    assert sorted(adamcmp.__all__) == [
        "AdamcmpError", "ConfigError", "DataError", "Elsewhere", "EngineError", "NotFound",
        "RunFailed", "RunInProgress", "StoreError", "Study", "compare", "load", "run", "sweep", "torch_optimizer",
    ]  # fmt: skip
    for name in adamcmp.__all__:
        assert getattr(adamcmp, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        adamcmp.nope  # noqa: B018


def test_importing_the_face_imports_nothing_heavy():
    script = "import adamcmp, os, sys; print('torch' in sys.modules, os.environ['MKL_CBWR'])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False AUTO,STRICT\n"


def test_the_exception_tree_is_in_one_docstring():
    tree = errors.__doc__
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, errors.AdamcmpError):
            assert value.__name__ in tree
            assert value.exit_code in (1, 2)


def test_run_sweep_and_load():
    words = ["dataset=teacher", "steps=2", "study=face"]
    row = adamcmp.run(words)
    assert row["status"] == "done" and row["study"] == "face"
    assert adamcmp.run(words, force=True)["train_loss"] == row["train_loss"]
    study = adamcmp.sweep([*words, "seed=0,1"])
    assert len(study.runs) == 2 and set(study.metrics["run_id"]) == set(study.runs["run_id"])
    assert adamcmp.load("face").runs["run_id"].tolist() == study.runs["run_id"].tolist()
    with pytest.raises(adamcmp.ConfigError, match="several values use `adamcmp sweep`"):
        adamcmp.run(["seed=0,1"])
    with pytest.raises(adamcmp.ConfigError, match="Give a list of words"):
        adamcmp.run("optimizer=adamw wd=0.01")


def test_what_another_process_trains(capsys):
    """It is no result, no crash and no empty study: it is said, and the exit code is 1."""
    words = ["dataset=teacher", "steps=2", "study=shared"]
    first = adamcmp.run([*words, "seed=0"])
    folder = Path(first["folder"])
    config = Composer().sweep([*words, "seed=0,1"])
    ids = [spec.run_id for spec in run_specs(config, Store(folder).numerics())]
    with reserve(folder, ids):
        assert adamcmp.run([*words, "seed=0"])["run_id"] == first["run_id"]  # it is there
        for asked in (
            lambda: adamcmp.run([*words, "seed=1"]),
            lambda: adamcmp.sweep([*words, "seed=0,1"]),
        ):
            with pytest.raises(
                adamcmp.RunInProgress, match=rf"being trained by process {os.getpid()}"
            ):
                asked()
        for command in (["run", *words, "seed=1"], ["sweep", *words, "seed=0,1"]):
            capsys.readouterr()
            assert main(command) == 1
            assert "1 of" in (err := capsys.readouterr().err) and "being trained by" in err
    assert len(adamcmp.sweep([*words, "seed=0,1"]).runs) == 2


def test_compare():
    words = ["dataset=teacher", "steps=2", "optimizer=adam_l2,adamw", "seed=0,1,2", "study=face"]
    runs = adamcmp.sweep(words).runs
    table = adamcmp.compare(runs, a="optimizer=adamw", b="optimizer=adam_l2", metric="test_loss")
    by_seed = runs.pivot_table(index="seed", columns="optimizer", values="test_loss")
    difference = by_seed["adamw"] - by_seed["adam_l2"]
    row = table.iloc[0]
    assert len(table) == 1 and row["n"] == 3
    assert row["estimate"] == pytest.approx(difference.mean())
    assert row["ci_low"] < row["estimate"] < row["ci_high"]
    assert 0 <= row["p_value"] <= 1 and "AdamW" in row["verdict"]


def test_a_hydra_program_of_the_users_is_left_alone():
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


def test_the_readme_names_every_command_and_ci_runs_its_test_command():
    readme = (ROOT / "README.md").read_text()
    assert all(f"adamcmp {command}" in readme for command in COMMANDS)
    commands = re.findall(r"^python3 -m venv .*$", readme, re.MULTILINE)
    assert len(commands) == 2
    assert "adamcmp run optimizer=adamw wd=0.01" in commands[0] and "pytest" in commands[1]
    assert all("-c constraints.txt" in command for command in commands)
    picked = subprocess.run(
        ["bash", "-c", "source .ci/readme_command; readme_command pytest README.md"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert picked.stdout.strip() == commands[1]


def test_the_readmes_words_are_right(composer):
    """Every run and sweep that the README shows composes and validates."""
    readme = (ROOT / "README.md").read_text().replace("\\\n", " ")
    lines = re.findall(r"^adamcmp ((?:run|sweep) .*?)(?: +# .*)?$", readme, re.MULTILINE)
    lines += ["run " + words for words in re.findall(r"`(optimizer=torch .*?)`", readme)]
    assert len(lines) >= 7
    for line in lines:
        command, *words = shlex.split(line)
        if "--config-dir" not in words:
            words = [word for word in words if not word.startswith("-") and word != "job"]
            assert getattr(composer, command)(words).runs


def test_documents_show_no_dead_links():
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
