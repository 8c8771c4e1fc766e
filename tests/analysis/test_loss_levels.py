"""Values where learning curves first reach training losses, of curves whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from adamcmp.analysis import RunTable
from adamcmp.analysis.loss_levels import LEVELS, at_levels, curves_of_selected
from tests.support.gridded import flat, runs

FRAME = runs(flat, [(0.1, 0.1)], seeds=2)


def curves(losses_by_seed):
    """Curves with one evaluation per epoch."""
    evaluations = [
        {"run_id": run_id, "step": 10 * epoch, "epoch": float(epoch), "train_loss": loss}
        for run_id, losses in zip(FRAME["run_id"], losses_by_seed, strict=True)
        for epoch, loss in enumerate(losses)
    ]
    return curves_of_selected(RunTable(FRAME, pd.DataFrame(evaluations)), ["epoch"])


def test_levels_are_even_in_log_loss_and_end_where_all_runs_get():
    levels = list(at_levels(curves([[1.0, 0.1, 0.01], [1.0, 0.1, 0.001]]), ["epoch"]))
    losses = [level["train_loss"].iloc[0] for level in levels]
    assert len(losses) == LEVELS and losses[-1] == pytest.approx(0.01)
    assert np.diff(np.log10(losses)) == pytest.approx(-2 / LEVELS)


def test_epochs_are_interpolated_in_log_loss():
    last = list(at_levels(curves([[1.0, 0.1, 0.01], [1.0, 0.1, 0.001]]), ["epoch"]))[-1]
    assert last["epoch"].tolist() == pytest.approx([2.0, 1.5])


def test_a_loss_counts_from_when_it_is_first_reached():
    last = list(at_levels(curves([[1.0, 0.1, 0.5, 0.1], [1.0, 0.9, 0.5, 0.1]]), ["epoch"]))[-1]
    assert last["epoch"].tolist() == pytest.approx([1.0, 3.0])


def test_runs_that_do_not_learn_have_no_level():
    assert list(at_levels(curves([[1.0, 1.0], [1.0, 0.1]]), ["epoch"])) == []
