"""Evaluations: splits without examples, regression, subsets."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.metrics import balanced_accuracy_score, r2_score, root_mean_squared_error

from adamcmp.components.data import Split
from adamcmp.planning.grouping import LaneGroup
from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.storage.outcomes import MOST_STORED, decode
from adamcmp.training.conformance import comparable
from adamcmp.training.outcome import Done
from adamcmp.training.train import train_group
from tests.conftest import CPU, needs_compiler
from tests.support.training import FUSED, SINGLE, FusedGroup, trained


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

    def outcome_and_splits(self, specs, y, *overrides):
        Path("fixed_net.py").write_text(self.NET)
        x = np.random.default_rng(0).standard_normal((len(y), 4)).astype(np.float32)
        np.savez("data.npz", x=x, y=y)
        (spec,) = specs([*self.OVERRIDES, *overrides])
        data = spec.config.dataset.load()
        splits = {name: getattr(data, name) for name in ("train", "val", "test")}
        return trained(spec), splits

    def test_unbalanced_classes(self, specs):
        outcome, splits = self.outcome_and_splits(specs, np.repeat([0, 1, 2], [300, 80, 20]))
        row = outcome.runs[0]
        for name, split in splits.items():
            predicted = np.sin(3 * split.x[:, :3]).argmax(1)
            expected = 1 - balanced_accuracy_score(split.y, predicted)
            assert row[f"{name}_balanced_error"] == pytest.approx(expected, rel=1e-12)
            assert row[f"{name}_error"] == pytest.approx((predicted != split.y).mean(), rel=1e-12)
        for (split, metric), outcomes in outcomes_of(outcome).items():
            logits, y = np.sin(3 * splits[split].x[:, :3]), splits[split].y
            losses = logsumexp(logits, axis=1) - logits[np.arange(len(y)), y]
            expected = {"error": logits.argmax(1) != y, "loss": losses}[metric]
            np.testing.assert_allclose(outcomes, expected, rtol=2**-11)
        gap = row["test_balanced_error"] - row["train_balanced_error"]
        assert row["gap_balanced_error"] == gap

    def test_real_targets(self, specs):
        y = np.random.default_rng(1).standard_normal((400, 2)) * [1, 5] + [0, 3]
        outcome, splits = self.outcome_and_splits(specs, y, "dataset.task=regression", "loss=mse")
        row = outcome.runs[0]
        for name, split in splits.items():
            predicted = np.sin(3 * split.x[:, :2])
            rmse = root_mean_squared_error(split.y.ravel(), predicted.ravel())
            r2 = r2_score(split.y, predicted, multioutput="variance_weighted")
            assert row[f"{name}_rmse"] == pytest.approx(rmse, rel=1e-6)
            assert row[f"{name}_r2"] == pytest.approx(r2, rel=1e-6)
        outcomes = outcomes_of(outcome)
        assert outcomes.keys() == {("val", "loss"), ("test", "loss")}
        for (split, _), losses in outcomes.items():
            errors = splits[split].y - np.sin(3 * splits[split].x[:, :2])
            np.testing.assert_allclose(losses, (errors**2).mean(1), rtol=2**-10, atol=1e-6)


class TestOutcomes:
    SHORT = ("steps=3", "batch_size=16", "eval.every_steps=2")

    @pytest.mark.parametrize("name", ["mlp", "mlp-batchnorm", "cnn1d", "torch"])
    def test_their_mean_is_the_metric_of_the_run(self, name, specs):
        (spec,) = specs([*{**FUSED, **SINGLE}[name], *self.SHORT])
        outcome = trained(spec)
        outcomes, row = outcomes_of(outcome), outcome.runs[0]
        for split, examples in (("val", 400), ("test", 1000)):
            wrong, losses = (outcomes[split, metric] for metric in ("error", "loss"))
            assert len(wrong) == len(losses) == examples and wrong.mean() == row[f"{split}_error"]
            assert losses.mean() == pytest.approx(row[f"{split}_loss"], rel=2**-11)
        assert row["test_examples"] == 1000

    @pytest.mark.slow
    @needs_compiler
    def test_of_the_compiled_engine(self, specs):
        numerics = CPU.model_copy(update={"engine": "compiled"})
        group = LaneGroup(tuple(specs([*self.SHORT, "seed=0,1"], numerics)))
        outcome = trained(group)
        for row in outcome.runs:
            wrong = outcomes_of(outcome, row["run_id"])["test", "error"]
            assert wrong.mean() == row["test_error"]

    def test_are_the_same_in_every_group(self, specs):
        runs = specs([*self.SHORT, "seed=0,1", "lr=0.1,0.01"])
        together = sorted(trained(FusedGroup(runs)).examples, key=str)
        assert together == sorted((row for run in runs for row in trained(run).examples), key=str)

    def test_of_a_large_split_some_are_kept(self, specs, monkeypatch):
        (spec,) = specs([*self.SHORT, "dataset=teacher", "dataset.test_examples=50"])
        every = outcomes_of(trained(spec))
        monkeypatch.setitem(MOST_STORED, "error", 20)
        outcome = trained(spec)
        kept = [int(i * 2.5) for i in range(20)]
        wrong = outcomes_of(outcome)["test", "error"]
        assert wrong.tolist() == every["test", "error"][kept].tolist()
        sizes = {(r["split"], r["metric"]): (r["total"], r["stored"]) for r in outcome.examples}
        assert sizes["test", "error"] == (50, 20) and sizes["test", "loss"] == (50, 50)

    def test_without_them_a_run_is_the_same(self, specs):
        outcomes = [trained(*specs([*self.SHORT, f"eval.examples={on}"])) for on in (True, False)]
        assert len(outcomes[0].examples) == 4 and not outcomes[1].examples
        one, other = (comparable(outcome.metrics) for outcome in outcomes)
        assert one == other and len(one) == 1  # equal run ids

    def test_a_diverged_run_has_none(self, specs):
        runs = specs([*self.SHORT, "optimizer=sgd", "lr=0.1,1e9"])
        outcome = trained(FusedGroup(runs))
        done = [row["run_id"] for row in outcome.runs if row["status"] == "done"]
        assert len(done) == 1 and {row["run_id"] for row in outcome.examples} == set(done)

    def test_a_split_without_examples_has_none(self, specs):
        (spec,) = specs([*self.SHORT, "dataset.validation=0"])
        assert {row["split"] for row in trained(spec).examples} == {"test"}

    def test_a_run_that_is_stopped_after_its_last_step_is_done(self, specs, tmp_path):
        """A checkpoint holds no outcomes, so none is needed at the end."""
        (spec,) = specs([*self.SHORT])
        checkpointing = Checkpointing(tmp_path / "checkpoint.npz", every=0.0)
        steps = []
        outcome = train_group(
            LaneGroup((spec,)),
            lambda progress: steps.append(progress.step),
            checkpointing,
            lambda: steps[-1] == 3,
        )
        assert isinstance(outcome, Done) and outcome.examples == trained(spec).examples


def outcomes_of(outcome, run_id=None):
    """Return the outcomes of a run, by split and metric; of the only run by default."""
    return {
        (row["split"], row["metric"]): decode(row["outcomes"], row["metric"], row["stored"])
        for row in outcome.examples
        if run_id in (None, row["run_id"])
    }


class TestSetId:
    def ids(self, specs, *overrides):
        """Return the digests of the validation and the test examples."""
        (spec,) = specs(["dataset=digits", *overrides])
        set_ids = spec.config.dataset.load().set_ids
        return set_ids["val"], set_ids["test"]

    def test_of_equal_examples_is_equal(self, specs):
        """Standardization and label noise change no validation or test example."""
        ids = self.ids(specs)
        assert len(set(ids)) == 2
        for other in ("dataset.standardize=false", "dataset.label_noise=0.2", "dataset.flip=true"):
            assert self.ids(specs, other) == ids

    def test_of_other_examples_differs(self, specs):
        ids, others = self.ids(specs), self.ids(specs, "dataset.validation=0.3")
        assert ids[0] != others[0] and ids[1] == others[1]

    def test_covers_the_targets_and_the_order(self):
        split = Split(np.arange(6.0).reshape(3, 2), np.array([0, 1, 1]))
        same = Split(split.x.copy(), split.y.copy())
        others = [Split(split.x, np.array([0, 1, 0])), split.take(np.array([1, 0, 2]))]
        assert split.digest() == same.digest()
        assert len({split.digest(), *(other.digest() for other in others)}) == 3


def test_train_metrics_on_a_subset(specs):
    (some,) = specs(["steps=2", "eval.train_examples=50"])
    (every,) = specs(["steps=2"])
    errors = [trained(spec).runs[0]["train_error"] for spec in (some, every)]
    assert errors[0] != errors[1] and round(errors[0] * 50, 9) == round(errors[0] * 50)
