"""Small runs of every model, optimizer option and engine give the recorded metrics.

Bits depend on the processor, so metrics are compared to a tolerance here;
``scripts/compare_revisions`` compares the bits of two revisions on one machine.
"""

import json
import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from adamcmp.cli import main
from tests.conftest import needs_compiler

GOLDEN = json.loads(Path(__file__).with_name("runs.json").read_text())
#: Models other than the MLP, and an MLP with each coupling, which take seconds.
LARGE = ("cnn", "cnn1d", "couplings", "gru", "resnet", "vit")
#: Compiling a step takes 10 s or more; tests/training/engines compiles a small function.
SLOW = {name for name in GOLDEN["cases"] if "compiled" in name} | {"torchvision", *LARGE}
CASES = [
    pytest.param(
        name,
        marks=[
            *([pytest.mark.slow] if name in SLOW else []),
            *([needs_compiler] if "compiled" in name else []),
        ],
    )
    for name in GOLDEN["cases"]
]


@pytest.mark.parametrize("name", CASES)
def test_metrics_are_the_recorded_ones(name, results, tmp_path):
    shutil.copy(Path(__file__).with_name("golden_model.py"), tmp_path)
    assert main(["sweep", "study=golden", "--quiet", *GOLDEN["cases"][name]]) == 0
    runs = pd.read_parquet(results / "golden" / "runs").set_index("run_id")
    recorded = GOLDEN["recorded"][name]
    assert set(runs.index) == set(recorded)  # the same run ids
    for run_id, expected in recorded.items():
        row = runs.loc[run_id]
        assert (row["optimizer"], row["status"]) == (expected["optimizer"], expected["status"])
        for column in ("train_loss", "test_loss"):
            value = math.nan if expected[column] is None else expected[column]
            assert row[column] == pytest.approx(value, rel=1e-3, nan_ok=True)
        if expected["test_error"] is not None:
            # The prediction of one example of the smallest test set may change.
            assert row["test_error"] == pytest.approx(expected["test_error"], abs=0.021)
