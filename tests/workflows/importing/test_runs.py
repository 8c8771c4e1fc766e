"""From rows to runs: evaluations, and how runs ended."""

import math

import pandas as pd
import pytest

from adamcmp.analysis import RunTable
from adamcmp.cli import main
from tests.support.imports import BASE, CIFAR

LONG = """opt,lr,wd,seed,step,epoch,train_loss,val_loss,test_loss,test_error
a,0.1,0,0,0,0,2.0,2.1,2.2,0.9
a,0.1,0,0,20,2,0.5,1.9,1.8,0.45
a,0.1,0,0,10,1,1.0,1.5,1.6,0.5
a,0.1,0,1,0,0,2.0,2.1,2.2,0.9
a,0.1,0,1,10,1,nan,,,
b,9,0,0,0,0,2.0,2.2,2.3,0.8
b,9,0,0,10,1,1.0,1.2,1.3,
b,9,0,0,11,1,0.5,,,
"""


def test_evaluations(imported, two_plots, capsys):
    """Finals are the last ones reported, in whatever order; best is by validation."""
    runs, metrics, out = imported(LONG, "--map optimizer=opt --set dataset=d model=m")
    assert "8 rows, each an evaluation of a run" in out
    one, two, three = runs.to_dict("records")
    assert (one["status"], one["test_loss"], one["test_error"], one["steps"]) == (
        "done",
        1.8,
        0.45,
        20,
    )
    assert (one["best_step"], one["best_val_loss"], one["best_test_loss"]) == (10, 1.5, 1.6)
    assert one["gap_loss"] == pytest.approx(1.3) and one["best_gap_loss"] == pytest.approx(0.6)
    assert two["status"] == "diverged" and two["stopped_at_step"] == 10 and two["steps"] == 20
    assert math.isnan(two["test_loss"]) and two["best_test_loss"] == 2.2
    assert (three["status"], three["test_loss"], three["test_error"]) == ("done", 1.3, 0.8)
    assert (three["train_loss"], three["gap_loss"]) == (0.5, pytest.approx(0.8))
    assert len(metrics) == 8 and metrics["lr"].isna().all()
    first = metrics[metrics["run_id"] == one["run_id"]].sort_values("step")
    assert first["epoch"].tolist() == [0, 1, 2] and first[
        "test_accuracy"
    ].tolist() == pytest.approx([0.1, 0.5, 0.55])
    assert main(["report", "theirs"]) == 0
    assert "learning_curves" in capsys.readouterr().out
    again = imported(LONG, "--map optimizer=opt --set dataset=d model=m")
    pd.testing.assert_frame_equal(again[0], runs)
    pd.testing.assert_frame_equal(again[1], metrics)


def test_epochs_follow_from_examples(imported):
    content = LONG.replace("epoch,", "e,")
    flags = "--map optimizer=opt --set dataset=d model=m train_examples=640 batch_size=64"
    _, metrics, _ = imported(content, flags)
    assert sorted(set(metrics["epoch"])) == pytest.approx([0, 1, 1.1, 2])


def test_how_runs_ended(imported):
    content = BASE + (
        "a,0.1,0,0,0.2,0.25\na,0.1,0,1,nan,0.3\na,0.1,0,2,,0.3\na,0.1,0,3,0.2,\na,0.1,0,4,0.2,inf\n"
    )
    runs, _, out = imported(content)
    assert runs["status"].tolist() == ["done", "diverged", "done", "diverged", "diverged"]
    assert runs.loc[runs["status"] == "diverged", ["val_error", "test_error"]].isna().all(axis=None)
    assert "5 runs (3 diverged, 2 done)" in out
    with_status = "optimizer,lr,wd,seed,test_error,status\na,0.1,0,0,0.2,done\na,0.1,0,1,0.9,diverged\na,0.1,0,2,,failed\n"
    runs, _, _ = imported(with_status, study="b")
    assert runs["status"].tolist() == ["done", "diverged", "failed"]
    assert runs["test_error"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("content", "flags", "message"),
    [
        (BASE.replace("val_error", "status") + "a,1,0,0,finished,0.2\n", CIFAR, "row 2: status=finished should be one of done, diverged, failed"),
        (BASE.replace("val_error", "status") + "a,1,0,0,done,nan\n", CIFAR, "has status done, but a metric that is not finite"),
        (BASE.replace("val_error", "step") + "a,1,0,0,1,0.2\n", CIFAR, "no column is read as epoch, which learning curves need: add to --map epoch=COLUMN"),
        (BASE.replace("val_error", "epoch") + "a,1,0,0,1,0.2\n", CIFAR + " --map step=epoch", "--map step=epoch epoch=epoch."),
        (BASE.replace("val_error", "step,epoch") + "a,1,0,0,1,1,0.2\na,1,0,0,1,2,0.3\n", CIFAR, "rows 2 and 3 are the same evaluation"),
        (BASE.replace("val_error", "step,epoch") + "a,1,0,0,,1,0.2\n", CIFAR, "row 2: step is empty"),
    ],
)  # fmt: skip
def test_contradictory_rows(content, flags, message, rejected):
    assert message in rejected(content, flags)


BOTH_KINDS = """dataset,optimizer,lr,wd,seed,val_accuracy,test_accuracy,val_loss,test_loss
digits,sgd,0.1,0,0,0.8,0.9,0.5,0.4
digits,sgd,9,0,0,0.1,0.1,nan,nan
energy,sgd,0.1,0,0,{none},{none},3.5,4.5
energy,sgd,9,0,0,{none},{none},inf,
"""


@pytest.mark.parametrize("none", ["", "nan"])
def test_classification_and_regression_in_one_file(none, imported):
    runs, _, _ = imported(BOTH_KINDS.format(none=none), "--set model=mlp")
    assert runs["status"].tolist() == ["done", "diverged", "done", "diverged"]
    assert runs["test_loss"].tolist()[::2] == [0.4, 4.5] and runs["test_error"][2:].isna().all()
    table = RunTable.from_frames(runs)
    assert [table.measure(problem) for problem in table.problems] == ["error", "loss"]
    assert table.selected()["lr"].tolist() == [0.1, 0.1]


def test_regression_without_its_metric_has_not_diverged(rejected):
    content = BOTH_KINDS.format(none="").replace(",val_loss,test_loss", ",mse,test_mse")
    err = rejected(content, "--set model=mlp")
    assert "The runs on dataset energy have no finite test or validation metric. Map theirs" in err


def test_the_best_evaluation_of_each_kind_of_problem(imported):
    content = "dataset,seed,step,epoch,val_error,val_loss,test_loss\n" + "".join(
        f"{dataset},0,{step},{step},{error},{loss},{loss}\n"
        for dataset, step, error, loss in (
            ("digits", 1, 0.2, 0.9), ("digits", 2, 0.3, 0.5), ("digits", 3, 0.2, 0.8),
            ("energy", 1, "nan", 9), ("energy", 2, "nan", 7), ("energy", 3, "nan", 8),
        )
    )  # fmt: skip
    runs, _, _ = imported(content, "--set model=mlp optimizer=sgd lr=0.1 wd=0")
    assert runs["best_step"].tolist() == [3, 2] and runs["best_test_loss"].tolist() == [0.8, 7]
