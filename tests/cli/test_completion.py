"""Completion, also in real shells."""

import shutil
import subprocess
import sys

import pytest

from adamcmp.cli.completion import candidates
from tests.support.commands import run
from tests.support.studies import THREE_STEPS


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("adamcmp r", {"run", "report"}),
        (
            "adamcmp run optimizer=ad",
            {"optimizer=adam", "optimizer=adam_l2", "optimizer=adamw"},
        ),
        ("adamcmp sweep --json schedule=one", {"schedule=one_cycle"}),
        ("adamcmp run optimizer=sgd optimizer.nest", {"optimizer.nesterov="}),
        ("adamcmp run w", {"wd=", "workers="}),
        ("adamcmp run optimizer.bet", {"optimizer.betas="}),
        ("adamcmp run --js", {"--json"}),
        ("adamcmp sweep see", {"seed=", "seeds="}),
        ("adamcmp study tu", {"tuned"}),
        ("adamcmp study tuned --dr", {"--dry-run"}),
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
    assert candidates("adamcmp extend m") == ["mine"]
    assert candidates("adamcmp sweep study=m") == ["study=mine"]


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


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_in_zsh():
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
