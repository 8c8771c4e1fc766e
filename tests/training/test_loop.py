"""The training loop against a plain PyTorch loop; divergence, seeds, precision."""

import numpy as np
import pytest
import torch
from torch import nn

from adamcmp.planning.grouping import LaneGroup
from adamcmp.training import loop
from adamcmp.training.step.lanes import Lanes
from tests.conftest import CPU
from tests.support.plain_loop import plain_loop
from tests.support.training import F64, FusedGroup, trained


def authors_mlp():
    return nn.Sequential(
        nn.Linear(40, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 10)
    )


ORACLES = {
    "adamw": (
        ["optimizer=adamw", "lr=0.01", "wd=0.1", "schedule=constant"],
        {"optimizer": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1), "build": authors_mlp},
    ),
    "adam_l2 cosine": (
        ["optimizer=adam_l2", "lr=0.01", "wd=0.01", "schedule=cosine"],
        {
            "optimizer": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.01),
            "schedule": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 50),
        },
    ),
    "sgd clip smoothing": (
        ["optimizer=sgd", "lr=0.1", "wd=0.01", "grad_clip=0.5", "loss.label_smoothing=0.1", "schedule=constant"],
        {
            "optimizer": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
            "clip": 0.5,
            "smoothing": 0.1,
        },
    ),
    "one cycle": (
        ["optimizer=adamw", "lr=0.01", "wd=0.1", "schedule=one_cycle"],
        {
            "optimizer": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
            "schedule": lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.01, 50),
        },
    ),
    "batchnorm residual": (
        ["optimizer=adam", "lr=0.001", "model.norm=batch", "model.residual=true", "schedule=constant", "model.depth=3"],
        {"optimizer": lambda p: torch.optim.Adam(p, lr=0.001)},
    ),
    "torch class one cycle": (
        ["optimizer=torch", "optimizer.target=torch.optim.NAdam", "lr=0.01", "schedule=one_cycle"],
        {
            "optimizer": lambda p: torch.optim.NAdam(p, lr=0.01),
            "schedule": lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.01, 50),
        },
    ),
    "torch class": (
        ["optimizer=torch", "optimizer.target=torch.optim.RAdam", "lr=0.01", "wd=0.1",
         "+optimizer.decoupled_weight_decay=true", "schedule=constant"],
        {"optimizer": lambda p: torch.optim.RAdam(p, lr=0.01, weight_decay=0.1, decoupled_weight_decay=True)},
    ),
    "torch class without its default weight decay": (
        ["optimizer=torch", "optimizer.target=torch.optim.AdamW", "lr=0.01", "wd=0", "schedule=constant"],
        {"optimizer": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0)},
    ),
    "cnn1d": (["model=cnn1d", "lr=0.001", "schedule=constant"], {"optimizer": lambda p: torch.optim.AdamW(p, lr=0.001)}),
    "vit": (
        ["model=vit", "model.depth=1", "model.width=16", "lr=0.001", "schedule=constant", "subset=200"],
        {"optimizer": lambda p: torch.optim.AdamW(p, lr=0.001)},
    ),
    "gru": (
        ["model=gru", "lr=0.001", "schedule=constant", "subset=200", "batch_size=32"],
        {"optimizer": lambda p: torch.optim.AdamW(p, lr=0.001)},
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize(
    "case",
    [pytest.param(c, marks=[pytest.mark.slow] * (c in ("gru", "vit"))) for c in ORACLES],
)
def test_equals_a_plain_loop(case, specs):
    """float64, 50 steps: every metric within 1e-9 of a hand-written loop over torch.optim."""
    overrides, options = ORACLES[case]
    (spec,) = specs([*overrides, "steps=50", "eval.every_steps=50", "seed=3"], F64)
    expected = plain_loop(spec, **options)
    row = trained(spec).runs[0]
    assert {k: row[k] for k in expected} == pytest.approx(expected, rel=1e-9)


def test_a_diverged_lane_leaves_the_bits_of_the_others_unchanged(specs):
    overrides = ["optimizer=sgd", "wd=0", "seed=0", "steps=30", "eval.every_steps=10"]
    converging = {s.run_id for s in specs([*overrides, "lr=0.01,0.05"])}
    both = trained(FusedGroup(tuple(specs([*overrides, "lr=0.01,1e4,0.05,1e30"]))))
    converging_only = trained(FusedGroup(tuple(specs([*overrides, "lr=0.01,0.05"]))))
    status = {row["lr"]: row["status"] for row in both.runs}
    assert status == {0.01: "done", 0.05: "done", 1e4: "diverged", 1e30: "diverged"}
    stopped = {row["lr"]: row["stopped_at_step"] for row in both.runs}
    assert stopped[0.01] is None and 1 <= stopped[1e4] <= 10 and 1 <= stopped[1e30] <= 3
    steps = [m["step"] for m in both.metrics if m["run_id"] not in converging]
    assert steps == [0, 0]
    diverged = next(row for row in both.runs if row["lr"] == 1e4)
    assert diverged["test_loss"] is None and diverged["best_step"] == 0

    def numbers(outcome):
        return [
            {k: v for k, v in m.items() if k != "wall_time_s"}
            for m in outcome.metrics
            if m["run_id"] in converging
        ]

    assert numbers(both) == numbers(converging_only)


def test_every_lane_may_diverge(specs):
    both = specs(["optimizer=sgd", "lr=1e30,1e31", "steps=40", "eval.every_steps=5"])
    outcome = trained(FusedGroup(tuple(both)))
    assert [row["status"] for row in outcome.runs] == ["diverged", "diverged"]


def test_divergence_on_the_very_last_step(specs):
    (spec,) = specs(["optimizer=sgd", "wd=0", "lr=1e30", "steps=1"])
    row = trained(spec).runs[0]
    assert (row["status"], row["stopped_at_step"]) == ("diverged", 1)


def test_a_finite_loss_above_the_bound_diverges(specs):
    overrides = [
        "optimizer=sgd",
        "optimizer.momentum=0",
        "lr=10",
        "steps=5",
        "eval.every_steps=1",
        "wd=0",
    ]
    (tight,) = specs([*overrides, "divergence=1.5"])
    (loose,) = specs([*overrides, "divergence=1e30"])
    assert trained(tight).runs[0]["status"] == "diverged"
    assert trained(loose).runs[0]["status"] == "done"


def test_the_same_seed_gives_the_same_weights_and_batches(specs):
    """The same seed means the same start and the same batches, so comparisons are paired."""
    pair = specs(["optimizer=adam,sgd", "wd=0", "lr=0", "steps=5", "eval.every_steps=1"])
    adam, sgd = (trained(spec).metrics for spec in pair)
    for a, b in zip(adam, sgd, strict=True):
        # With lr 0 the weights do not change, so equal gradients mean equal batches.
        assert (a["train_loss"], a["param_norm"]) == (b["train_loss"], b["param_norm"])
        assert a.get("grad_norm") == b.get("grad_norm")
    assert len({row.get("grad_norm") for row in adam}) == 6


def test_a_changed_file_is_read_again(specs, tmp_path):
    losses = set()
    for scale in (1, 2):
        rows = "\n".join(f"{i * scale % 7},{i % 2}" for i in range(60))
        (tmp_path / "data.csv").write_text(f"a,y\n{rows}\n")
        overrides = [
            "dataset=csv",
            "dataset.path=data.csv",
            "dataset.target=y",
            "steps=2",
            "batch_size=8",
        ]
        (spec,) = specs(overrides)
        losses.add((spec.run_id, trained(spec).runs[0]["train_loss"]))
    assert len({run for run, _ in losses}) == len({loss for _, loss in losses}) == 2


def test_frozen_parameters_are_not_trained(specs, tmp_path):
    (tmp_path / "frozennet.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Sequential):\n"
        "    def __init__(self, inputs, outputs):\n"
        "        body = torch.nn.Linear(inputs[0], 8).requires_grad_(False)\n"
        "        super().__init__(body, torch.nn.Linear(8, outputs))\n"
    )
    (spec,) = specs(["model=custom", "model.target=frozennet.Net", "steps=3", "wd=0.1", "lr=0.1"])
    outcome = trained(spec)
    assert outcome.runs[0]["parameters"] == 90
    assert outcome.metrics[-1]["train_loss"] != outcome.metrics[0]["train_loss"]
    training = loop.GroupTraining(LaneGroup((spec,)), lambda progress: None)
    assert isinstance(training.lanes, Lanes)
    before = training.lanes.state["buffers"]["0.weight"].clone()
    training.run()
    assert torch.equal(training.lanes.state["buffers"]["0.weight"], before)


def test_a_parameter_may_be_a_single_number(specs, tmp_path):
    (tmp_path / "scalednet.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Linear):\n"
        "    def __init__(self, inputs, outputs):\n"
        "        super().__init__(inputs[0], outputs)\n"
        "        self.scale = torch.nn.Parameter(torch.ones(()))\n"
        "    def forward(self, x):\n"
        "        return super().forward(x) * self.scale\n"
    )
    overrides = ["model=custom", "model.target=scalednet.Net", "optimizer=adam", "lr=0.001"]
    (spec,) = specs([*overrides, "steps=5", "eval.every_steps=5", "schedule=constant"], F64)
    expected = plain_loop(spec, lambda p: torch.optim.Adam(p, lr=0.001))
    row = trained(spec).runs[0]
    assert row["parameters"] == 411
    assert {k: row[k] for k in expected} == pytest.approx(expected, rel=1e-9)


def test_gradient_norm_is_measured_before_clipping(specs):
    ours = ["optimizer=adamw", "wd=0", "optimizer.betas=[0.9,0.999]"]
    torchs = ["optimizer=torch", "optimizer.target=torch.optim.Adam"]
    overrides = ["lr=0.001", "grad_clip=0.001", "steps=1", "schedule=constant"]
    norms = [
        trained(specs([*kind, *overrides])[0]).metrics[-1]["grad_norm"] for kind in (ours, torchs)
    ]
    assert norms[0] == pytest.approx(norms[1], rel=1e-5) and norms[0] > 0.1


def test_augmentation_affects_training_only(specs):
    overrides = ["dataset=digits", "model=mlp", "steps=3", "batch_size=32"]
    (plain,) = specs(overrides)
    (flipped,) = specs([*overrides, "dataset.flip=true", "dataset.crop=1"])
    a, b = (trained(spec).metrics for spec in (plain, flipped))
    assert a[0]["test_loss"] == b[0]["test_loss"] and a[-1]["test_loss"] != b[-1]["test_loss"]


def test_float64_is_float64(specs):
    (spec,) = specs(["steps=2"], F64)
    (other,) = specs(["steps=2"])
    a, b = trained(spec).runs[0]["train_loss"], trained(other).runs[0]["train_loss"]
    assert a != b and np.float32(a) == pytest.approx(b, rel=1e-5)


def test_bf16_is_near_float32(specs):
    (spec,) = specs(["steps=20", "lr=0.01"], CPU.model_copy(update={"dtype": "bf16"}))
    (other,) = specs(["steps=20", "lr=0.01"])
    a, b = trained(spec).runs[0]["train_loss"], trained(other).runs[0]["train_loss"]
    assert a != b and a == pytest.approx(b, rel=0.02)
