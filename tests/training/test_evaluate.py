"""Evaluations: splits without examples, regression, subsets."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, r2_score, root_mean_squared_error

from tests.support.training import trained


def test_without_validation_all_examples_are_trained_on(specs):
    (spec,) = specs(["dataset.validation=0", "steps=4", "eval.every_steps=2"])
    outcome = trained(spec)
    row = outcome.runs[0]
    assert row["train_examples"] == 4000
    assert (
        row.get("val_loss") is None and row["best_step"] is None and row["best_test_error"] is None
    )
    assert row["test_error"] is not None


def test_regression_has_no_errors(specs):
    (spec,) = specs(["dataset=teacher", "dataset.task=regression", "loss=mse", "steps=3"])
    row = trained(spec).runs[0]
    assert row["test_error"] is None and row["gap_error"] is None
    assert row["test_balanced_error"] is None
    assert row["gap_loss"] == pytest.approx(row["test_loss"] - row["train_loss"])


class TestMetricsAgainstScikitLearn:
    """The outputs of the model are a known function of the inputs, which training cannot change."""

    OVERRIDES = (
        *("dataset=npz", "dataset.path=data.npz", "dataset.standardize=false", "steps=1"),
        *("model=custom", "model.target=fixed_net.Fixed"),
    )
    NET = (
        "import torch\n"
        "class Fixed(torch.nn.Module):\n"
        "    def __init__(self, outputs):\n"
        "        super().__init__()\n"
        "        self.unused, self.outputs = torch.nn.Parameter(torch.zeros(1)), outputs\n"
        "    def forward(self, x):\n"
        "        return torch.sin(3 * x[:, : self.outputs]) + 0 * self.unused\n"
    )

    def row_and_splits(self, specs, y, *overrides):
        Path("fixed_net.py").write_text(self.NET)
        x = np.random.default_rng(0).standard_normal((len(y), 4)).astype(np.float32)
        np.savez("data.npz", x=x, y=y)
        (spec,) = specs([*self.OVERRIDES, *overrides])
        data = spec.config.dataset.load()
        splits = {name: getattr(data, name) for name in ("train", "val", "test")}
        return trained(spec).runs[0], splits

    def test_unbalanced_classes(self, specs):
        row, splits = self.row_and_splits(specs, np.repeat([0, 1, 2], [300, 80, 20]))
        for name, split in splits.items():
            predicted = np.sin(3 * split.x[:, :3]).argmax(1)
            expected = 1 - balanced_accuracy_score(split.y, predicted)
            assert row[f"{name}_balanced_error"] == pytest.approx(expected, rel=1e-12)
            assert row[f"{name}_error"] == pytest.approx((predicted != split.y).mean(), rel=1e-12)
        gap = row["test_balanced_error"] - row["train_balanced_error"]
        assert row["gap_balanced_error"] == gap

    def test_real_targets(self, specs):
        y = np.random.default_rng(1).standard_normal((400, 2)) * [1, 5] + [0, 3]
        row, splits = self.row_and_splits(specs, y, "dataset.task=regression", "loss=mse")
        for name, split in splits.items():
            predicted = np.sin(3 * split.x[:, :2])
            rmse = root_mean_squared_error(split.y.ravel(), predicted.ravel())
            r2 = r2_score(split.y, predicted, multioutput="variance_weighted")
            assert row[f"{name}_rmse"] == pytest.approx(rmse, rel=1e-6)
            assert row[f"{name}_r2"] == pytest.approx(r2, rel=1e-6)


def test_train_metrics_on_a_subset(specs):
    (some,) = specs(["steps=2", "eval.train_examples=50"])
    (every,) = specs(["steps=2"])
    errors = [trained(spec).runs[0]["train_error"] for spec in (some, every)]
    assert errors[0] != errors[1] and round(errors[0] * 50, 9) == round(errors[0] * 50)
