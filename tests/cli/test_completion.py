"""Completion, also in real shells."""

import shutil
import subprocess
import sys

import pytest

from adamcmp.cli.completion import candidates
from tests.support.commands import run
from tests.support.required import require
from tests.support.studies import THREE_STEPS


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("adamcmp r", {"run", "report"}),
        (
            "adamcmp run optimizer=am",
            {"optimizer=amsgrad", "optimizer=amsgradw"},
        ),
        ("adamcmp sweep --json schedule=one", {"schedule=one_cycle"}),
        ("adamcmp run optimizer=sgd optimizer.nest", {"optimizer.nesterov="}),
        ("adamcmp run w", {"wd=", "wd_schedule=", "workers="}),
        ("adamcmp run wd_schedule=li", {"wd_schedule=linear"}),
        ("adamcmp run wd_schedule=wsd wd_schedule.d", {"wd_schedule.decay="}),
        ("adamcmp run optimizer.bet", {"optimizer.betas="}),
        ("adamcmp run --js", {"--json"}),
        ("adamcmp sweep see", {"seed=", "seeds="}),
        ("adamcmp study tu", {"tuned"}),
        ("adamcmp study tuned --dr", {"--dry-run"}),
        ("adamcmp study tuned --sc", {"--scale"}),
        ("adamcmp study decoupling --scale ", {"cpu", "smoke"}),
        ("adamcmp study decoupling --scale=s", {"--scale=smoke"}),
        ("adamcmp study decoupling sampler=t", {"sampler=tpe"}),
        ("adamcmp study --quiet decoupling lr=0.1 optimizer=adam_", {"optimizer=adam_l2"}),
        ("adamcmp extend s w", {"workers="}),
        ("adamcmp extend s executor=s", {"executor=serial", "executor=slurm"}),
        ("adamcmp settle s executor=slurm executor.part", {"executor.partition="}),
        ("adamcmp settle s --bud", {"--budget"}),
        ("adamcmp settle s seed", set()),
        ("adamcmp settle s check", {"checkpoint_every="}),
        ("adamcmp report --format l", {"latex"}),
        ("adamcmp import-csv a.csv --percent x --dry", {"--dry-run"}),
        ("adamcmp plot heat", {"heatmap"}),
        ("adamcmp plot heatmap --metric test_l", {"test_loss"}),
        ("adamcmp completion z", {"zsh"}),
        ("adamcmp completion zsh ", set()),
        ("adamcmp nope ", set()),
        ("adamcmp parts sch", {"schedule"}),
        ("adamcmp run lr=", set()),
        (
            "adamcmp sweep sampler=",
            {f"sampler={s}" for s in ("random", "sobol", "tpe", "cmaes")},
        ),
        ("adamcmp run optimizer.coupling=in", {"optimizer.coupling=independent"}),
        ("adamcmp run dataset.shuffled=t", {"dataset.shuffled=true"}),
        ("adamcmp run optimizer=nope optimizer.nest", set()),
    ],
)
def test_candidates(line, expected):
    actual = candidates(line)
    assert set(actual) == expected


def test_studies(capsys):
    run(capsys, "run", "study=mine", *THREE_STEPS)
    assert candidates("adamcmp report m") == ["mine"]
    assert "mine" in candidates("adamcmp ls ")
    assert candidates("adamcmp extend m") == candidates("adamcmp settle m") == ["mine"]
    assert candidates("adamcmp sweep study=m") == ["study=mine"]
    assert candidates("adamcmp compare mine --a opt") == ["optimizer=adamw"]
    assert candidates("adamcmp report optimizer=") == ["optimizer=adamw"]
    assert candidates("adamcmp ls --results nowhere ") == []


def test_files_and_folders(tmp_path):
    (tmp_path / "runs.csv").touch()
    (tmp_path / "runs").mkdir()
    assert set(candidates("adamcmp import-csv ru")) == {"runs.csv", "runs/"}
    assert candidates("adamcmp run --config-dir ./runs") == ["./runs.csv", "./runs/"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("adamcmp run optimizer=adamw sched", ["schedule.", "schedule="]),
        ("adamcmp run optimizer=amsgradw", ["amsgradw"]),  # bash cuts words at "="
        ("adamcmp re", ["report"]),
    ],
)
def test_in_bash(typed, expected):
    script = f"""
    set -e
    adamcmp() {{ {sys.executable} -m adamcmp "$@"; }}
    eval "$(adamcmp completion bash)"
    COMP_LINE={typed!r} COMP_POINT={len(typed)}
    read -ra COMP_WORDS <<< "${{COMP_LINE//=/ = }}"
    COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
    compopt() {{ :; }}
    _adamcmp
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == expected


def test_in_zsh():
    require(shutil.which("zsh") is not None, "zsh is not installed.")
    script = f"""
    adamcmp() {{ {sys.executable} -m adamcmp "$@" }}
    compdef() {{ :; }}
    eval "$(adamcmp completion zsh)"
    compadd() {{ shift 4; print -l -- "$@" }}
    BUFFER='adamcmp run optimizer=adam_' CURSOR=27
    _adamcmp
    """
    done = subprocess.run(["zsh", "-fc", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["optimizer=adam_l2"]
