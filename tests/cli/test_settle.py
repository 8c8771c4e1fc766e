"""``adamcmp settle``."""

import json
from types import SimpleNamespace

import pytest

import adamcmp
from adamcmp.analysis import Finding
from adamcmp.cli import main
from adamcmp.cli.settle import _outcome
from adamcmp.workflows.settle import SettleResult
from tests.support.studies import SMALL

GRID = [
    *SMALL, "steps=10", "eval.every_steps=10", "optimizer=sgd,adamw", "lr=1e-4,1e-3", "wd=0.1",
    "seeds=1", "study=e",
]  # fmt: skip


@pytest.fixture
def study():
    adamcmp.sweep(GRID)


def test_rounds_and_the_verdict_are_printed(study, quick_reports, capsys):
    assert main(["settle", "e", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("next round: 1 run beyond lr 0.001 of AdamW; the budget is 4 runs\n")
    assert "1 to train" in out and len(adamcmp.load("e").runs) == 4
    assert main(["settle", "e", "--budget", "1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "round 1: 1 run beyond lr 0.001 of AdamW; best setting now AdamW lr 0.01, wd 0.1\n"
        "not settled: 1 of at most 1 run trained. The next round does not fit into the budget: 1 "
        "run beyond lr 0.01 of AdamW.\nTo continue: adamcmp settle e --budget 1\n"
    )
    assert "\naudit: " in out
    assert main(["settle", "e", "--budget", "50", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["settled"] and values["complete"] and values["rounds"]
    assert values["trained"] <= values["budget"] == 50
    assert main(["settle", "e"]) == 0
    assert capsys.readouterr().out.startswith("settled: 0 of at most ")
    assert main(["settle", "e", "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("settled: 0 of at most ")


def test_findings_that_more_runs_do_not_change(tmp_path):
    doubt = Finding("budget", "warning", "p", "Budgets differ.", undermines="unequal steps")
    report = SimpleNamespace(answer=SimpleNamespace(findings=[doubt, doubt]))
    assert _outcome(SettleResult(tmp_path, 9, report=report)) == (
        "settled: 0 of at most 9 runs trained. More runs do not change this finding: unequal steps."
    )


def test_a_run_that_crashes(study, capsys):
    from tests.support.training import crashing

    with crashing(lambda run: run.optimizer.lr == 0.01):
        assert main(["settle", "e", "--budget", "50"]) == 1
    captured = capsys.readouterr()
    assert "1 failed" in captured.out and "page: " not in captured.out
    assert "failed: " in captured.err


def test_invalid_requests(study, capsys):
    assert main(["settle", "e", "--budget", "0"]) == 2
    assert "A budget of 0 runs should be at least 1" in capsys.readouterr().err
    assert main(["settle", "e", "--force"]) == 2
    assert "unrecognized arguments: --force" in capsys.readouterr().err
    assert main(["settle", "nope"]) == 2
    assert "There is no study 'nope'" in capsys.readouterr().err
