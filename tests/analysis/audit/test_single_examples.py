"""Runs of an earlier version that normalized batches of one example."""

import pandas as pd
import pytest

from adamcmp.analysis import RunTable
from adamcmp.analysis.audit.single_examples import check

RUN = {
    "run_id": "a", "dataset": "mnist1d", "model": "mlp", "optimizer": "adamw", "seed": 0, "status": "done",
    "torch_version": "2", "model.norm": "batch", "batch_size": 1,
}  # fmt: skip


def findings(**settings):
    return list(check(RunTable.from_frames(pd.DataFrame([RUN | settings]))))


def test_batch_norm_of_single_examples():
    (finding,) = findings()
    assert finding.severity == "warning"
    assert finding.text.startswith("1 of 1 runs of AdamW normalized batches of one example")


@pytest.mark.parametrize(
    "settings",
    [{"batch_size": 2}, {"model.norm": "layer"}, {"model": "resnet"}, {"torch_version": None}],
)
def test_other_runs(settings):
    assert not findings(**settings)
