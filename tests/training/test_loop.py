"""Training against a plain PyTorch loop, and what becomes of lanes that diverge or crash."""

import math
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from adamcmp.components.datasets import load_cached
from adamcmp.components.schedules import Horizon
from adamcmp.config import Eval
from adamcmp.errors import AdamcmpError
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.horizon import evaluation_steps, horizon
from adamcmp.platform.random_streams import stream_seed
from adamcmp.training import loop
from adamcmp.training.checks import check_group
from adamcmp.training.device_data import BatchOrder
from adamcmp.training.outcome import Done, Failed
from adamcmp.training.run_record import unscheduled_hypers
from adamcmp.training.step.lanes import Lanes
from adamcmp.training.train import train_group
from tests.conftest import CPU

F64 = CPU.model_copy(update={"dtype": "float64"})


def trained(spec_or_group):
    lanes = spec_or_group if isinstance(spec_or_group, LaneGroup) else LaneGroup((spec_or_group,))
    outcome = train_group(lanes)
    assert isinstance(outcome, Done), outcome
    return outcome


def plain_loop(spec, optimizer, build=None, clip=None, smoothing=0.0, schedule=None):
    """The same run as anyone would write it; returns test and train loss and error."""
    config = spec.config
    data = load_cached(config.dataset)
    torch.manual_seed(stream_seed(config.protocol.seed, "init"))
    net = (build or (lambda: config.model.build(data.shape)))().double()
    x, y = torch.as_tensor(data.train.x).double(), torch.as_tensor(data.train.y)
    made = optimizer(net.parameters())
    scheduler = schedule(made) if schedule else None
    steps = horizon(config, len(x)).steps
    for batch in BatchOrder(config.protocol.seed, len(x), config.protocol.batch_size).batches(
        0, steps
    ):
        made.zero_grad()
        F.cross_entropy(net(x[batch]), y[batch], label_smoothing=smoothing).backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        made.step()
        if scheduler:
            scheduler.step()
    net.eval()
    with torch.no_grad():
        measured = {}
        for name in ("train", "val", "test"):
            split = getattr(data, name)
            out, target = net(torch.as_tensor(split.x).double()), torch.as_tensor(split.y)
            measured[f"{name}_loss"] = F.cross_entropy(out, target).item()
            measured[f"{name}_error"] = (out.argmax(1) != target).double().mean().item()
    return measured


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
        ["optimizer=adam", "model.norm=batch", "model.residual=true", "schedule=constant", "model.depth=3"],
        {"optimizer": lambda p: torch.optim.Adam(p, lr=0.001)},
    ),
    "own torch.optim one cycle": (
        ["optimizer=torch", "optimizer.target=torch.optim.NAdam", "lr=0.01", "schedule=one_cycle"],
        {
            "optimizer": lambda p: torch.optim.NAdam(p, lr=0.01),
            "schedule": lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.01, 50),
        },
    ),
    "own torch.optim": (
        ["optimizer=torch", "optimizer.target=torch.optim.RAdam", "lr=0.01", "wd=0.1",
         "+optimizer.decoupled_weight_decay=true", "schedule=constant"],
        {"optimizer": lambda p: torch.optim.RAdam(p, lr=0.01, weight_decay=0.1, decoupled_weight_decay=True)},
    ),
    "cnn1d": (["model=cnn1d", "schedule=constant"], {"optimizer": lambda p: torch.optim.AdamW(p, lr=0.001)}),
    "vit": (
        ["model=vit", "model.depth=1", "schedule=constant", "subset=500"],
        {"optimizer": lambda p: torch.optim.AdamW(p, lr=0.001)},
    ),
    "gru": (
        ["model=gru", "schedule=constant", "subset=200", "batch_size=32"],
        {"optimizer": lambda p: torch.optim.AdamW(p, lr=0.001)},
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize("case", ORACLES)
def test_equals_a_plain_loop(case, specs):
    """float64, 50 steps: every metric within 1e-9 of a hand-written loop over torch.optim."""
    words, loop = ORACLES[case]
    (spec,) = specs([*words, "steps=50", "eval.every_steps=50", "seed=3"], F64)
    expected = plain_loop(spec, **loop)
    row = trained(spec).runs[0]
    assert {k: row[k] for k in expected} == pytest.approx(expected, rel=1e-9)


def test_a_lane_that_diverges_leaves_and_its_neighbours_do_not_notice(specs):
    words = ["optimizer=sgd", "wd=0", "seed=0", "steps=30", "eval.every_steps=10"]
    calm = {s.run_id for s in specs([*words, "lr=0.01,0.05"])}
    both = trained(LaneGroup(tuple(specs([*words, "lr=0.01,1e4,0.05,1e30"])), True))
    alone = trained(LaneGroup(tuple(specs([*words, "lr=0.01,0.05"])), True))
    status = {row["lr"]: row["status"] for row in both.runs}
    assert status == {0.01: "done", 0.05: "done", 1e4: "diverged", 1e30: "diverged"}
    stopped = {row["lr"]: row["stopped_at_step"] for row in both.runs}
    assert stopped[0.01] is None and 1 <= stopped[1e4] <= 10 and 1 <= stopped[1e30] <= 3
    steps = [m["step"] for m in both.metrics if m["run_id"] not in calm]
    assert steps == [0, 0]
    diverged = next(row for row in both.runs if row["lr"] == 1e4)
    assert diverged["test_loss"] is None and diverged["best_step"] == 0

    def numbers(outcome):
        return [
            {k: v for k, v in m.items() if k != "wall_time_s"}
            for m in outcome.metrics
            if m["run_id"] in calm
        ]

    assert numbers(both) == numbers(alone)


def test_every_lane_may_diverge(specs):
    both = specs(["optimizer=sgd", "lr=1e30,1e31", "steps=40", "eval.every_steps=5"])
    outcome = trained(LaneGroup(tuple(both), True))
    assert [row["status"] for row in outcome.runs] == ["diverged", "diverged"]


def test_divergence_on_the_very_last_step(specs):
    (spec,) = specs(["optimizer=sgd", "wd=0", "lr=1e30", "steps=1"])
    row = trained(spec).runs[0]
    assert (row["status"], row["stopped_at_step"]) == ("diverged", 1)


def test_a_bounded_but_huge_loss_diverges(specs):
    words = [
        "optimizer=sgd",
        "optimizer.momentum=0",
        "lr=10",
        "steps=5",
        "eval.every_steps=1",
        "wd=0",
    ]
    (tight,) = specs([*words, "divergence=1.5"])
    (loose,) = specs([*words, "divergence=1e30"])
    assert trained(tight).runs[0]["status"] == "diverged"
    assert trained(loose).runs[0]["status"] == "done"


def test_all_training_examples_without_validation(specs):
    (spec,) = specs(["dataset.validation=0", "steps=4", "eval.every_steps=2"])
    outcome = trained(spec)
    row = outcome.runs[0]
    assert row["train_examples"] == 4000
    assert (
        row.get("val_loss") is None and row["best_step"] is None and row["best_test_error"] is None
    )
    assert row["test_error"] is not None


def test_regression_has_losses_only(specs):
    (spec,) = specs(["dataset=teacher", "dataset.task=regression", "loss=mse", "steps=3"])
    row = trained(spec).runs[0]
    assert row["test_error"] is None and row["gap_error"] is None
    assert row["gap_loss"] == pytest.approx(row["test_loss"] - row["train_loss"])


def test_best_is_where_validation_was_best(specs):
    (spec,) = specs(["lr=0.03", "steps=200", "eval.every_steps=10"])
    outcome = trained(spec)
    best = min(outcome.metrics, key=lambda m: (m["val_error"], m["val_loss"]))
    row = outcome.runs[0]
    assert row["best_step"] == best["step"] and row["best_test_error"] == best["test_error"]


def test_train_metrics_on_a_subset(specs):
    (some,) = specs(["steps=2", "eval.train_examples=50"])
    (every,) = specs(["steps=2"])
    errors = [trained(spec).runs[0]["train_error"] for spec in (some, every)]
    assert errors[0] != errors[1] and round(errors[0] * 50, 9) == round(errors[0] * 50)


def test_norms_and_lr_in_metrics(specs):
    (spec,) = specs(["optimizer=sgd", "optimizer.momentum=0", "wd=0", "lr=0.1", "schedule=constant",
                     "steps=3", "eval.every_steps=1"])  # fmt: skip
    start, *after = trained(spec).metrics
    assert start.get("grad_norm") is None and start["param_norm"] > 0
    for row in after:
        assert row["update_norm"] == pytest.approx(0.1 * row["grad_norm"], rel=1e-4)
        assert row["lr"] == 0.1


def test_normalized_decay_is_the_papers_number(specs):
    """λ_norm 0.025, b = 128, B = 50,000, T = 100 epochs: λ = 1.265e-4."""
    (spec,) = specs(["optimizer.normalized=true", "wd=0.025"])
    assert unscheduled_hypers(spec.config, Horizon(round(50_000 * 100 / 128), 50_000 / 128))[
        "weight_decay"
    ] == pytest.approx(1.265e-4, rel=1e-3)


@pytest.mark.parametrize(
    ("when", "steps", "expected"),
    [
        ({"every": 1.0}, 45, [0, 10, 20, 30, 40, 45]),
        ({"every": 0.5}, 12, [0, 5, 10, 12]),
        ({"every": 100.0}, 12, [0, 12]),
        ({"every_steps": 5}, 10, [0, 5, 10]),
        ({"every": 0.01}, 3, [0, 1, 2, 3]),
    ],
)
def test_evaluation_steps(when, steps, expected):
    assert evaluation_steps(Eval(**when), Horizon(steps, 10.0)) == expected


def test_budget_in_epochs(specs):
    (spec,) = specs(["epochs=3", "batch_size=100"])
    assert horizon(spec.config, 3600).steps == 108
    assert horizon(spec.config, 3601).steps == math.ceil(3 * 36.01)


def test_a_crash_is_data(specs, tmp_path):
    (tmp_path / "crashing.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Linear):\n"
        "    def __init__(self, inputs, outputs):\n"
        "        super().__init__(inputs[0], outputs)\n"
        "    def forward(self, x):\n"
        "        if len(x) > 2: raise RuntimeError('out of luck')\n"
        "        return super().forward(x)\n"
    )
    (spec,) = specs(["model=custom", "model.target=crashing.Net"])
    outcome = train_group(LaneGroup((spec,)))
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.run_ids) == ("RuntimeError: out of luck", (spec.run_id,))
    assert "crashing.py" in outcome.traceback


def test_lanes_share_batches_and_weights_across_optimizers(specs):
    """The same seed means the same start and the same batches, so comparisons are paired."""
    pair = specs(["optimizer=adam,sgd", "wd=0", "lr=0", "steps=5", "eval.every_steps=1"])
    adam, sgd = (trained(spec).metrics for spec in pair)
    for a, b in zip(adam, sgd, strict=True):
        # With lr 0 the weights stay: equal gradients mean equal batches.
        assert (a["train_loss"], a["param_norm"]) == (b["train_loss"], b["param_norm"])
        assert a.get("grad_norm") == b.get("grad_norm")
    assert len({row.get("grad_norm") for row in adam}) == 6


def test_a_changed_file_is_read_again(specs, tmp_path):
    losses = set()
    for scale in (1, 2):
        rows = "\n".join(f"{i * scale % 7},{i % 2}" for i in range(60))
        (tmp_path / "own.csv").write_text(f"a,y\n{rows}\n")
        words = [
            "dataset=csv",
            "dataset.path=own.csv",
            "dataset.target=y",
            "steps=2",
            "batch_size=8",
        ]
        (spec,) = specs(words)
        losses.add((spec.run_id, trained(spec).runs[0]["train_loss"]))
    assert len({run for run, _ in losses}) == len({loss for _, loss in losses}) == 2


def test_what_a_network_freezes_stays(specs, tmp_path):
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


def test_gradient_norm_is_measured_before_clipping(specs):
    ours = ["optimizer=adamw", "wd=0", "optimizer.betas=[0.9,0.999]"]
    torchs = ["optimizer=torch", "optimizer.target=torch.optim.Adam"]
    words = ["lr=0.001", "grad_clip=0.001", "steps=1", "schedule=constant"]
    norms = [trained(specs([*kind, *words])[0]).metrics[-1]["grad_norm"] for kind in (ours, torchs)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-5) and norms[0] > 0.1


def test_momenta_of_dead_units_do_not_become_subnormal(specs):
    """0.9 times the smallest subnormal is itself: they would stay, and slow every product down."""

    def flushes():
        return (torch.tensor(1e-40) * 1).item() == 0

    seen = []
    (spec,) = specs(["optimizer=adamw", "steps=3"])
    assert not flushes()
    assert isinstance(train_group(LaneGroup((spec,)), lambda told: seen.append(flushes())), Done)
    assert seen and all(seen) and not flushes()


def test_training_leaves_torchs_global_state_alone(specs):
    torch.set_num_threads(2)
    torch.manual_seed(1)
    expected = torch.rand(2).tolist()
    torch.manual_seed(1)
    trained(specs(["model=cnn1d", "steps=2"])[0])
    assert torch.rand(2).tolist() == expected and torch.get_num_threads() == 2
    torch.set_num_threads(1)


def test_augmentation_changes_training_alone(specs):
    words = ["dataset=digits", "model=mlp", "steps=3", "batch_size=32"]
    (plain,) = specs(words)
    (flipped,) = specs([*words, "dataset.flip=true", "dataset.crop=1"])
    a, b = (trained(spec).metrics for spec in (plain, flipped))
    assert a[0]["test_loss"] == b[0]["test_loss"] and a[-1]["test_loss"] != b[-1]["test_loss"]


def test_unfit_groups_are_refused_before_anything_is_written(specs):
    for words, message in [
        (["batch_size=5000"], "batch_size=5000: mnist1d trains on 3600 examples"),
        (["model=cnn"], "needs images"),
        (["eval.train_examples=9999"], "eval.train_examples=9999"),
        (["optimizer=torch", "optimizer.target=torch.optim.RAdam", "+optimizer.momentun=1"], "no argument 'momentun'"),
        (["optimizer=torch", "optimizer.target=torch.optim.RAdan"], "Did you mean 'RAdam'"),
        (["optimizer=torch", "optimizer.target=os.system"], "derived from torch.optim.Optimizer"),
        (["optimizer=torch", "optimizer.target=torch.optim.LBFGS"], "needs a closure"),
        (["optimizer=torch", "optimizer.target=torch.optim.Adam", "+optimizer.eps=-1"], "Invalid epsilon"),
    ]:  # fmt: skip
        (spec,) = specs(words)
        with pytest.raises(AdamcmpError, match=message):
            check_group(LaneGroup((spec,)))


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


def test_the_callers_settings_of_torch_change_nothing(specs):
    (spec,) = specs(["optimizer=adamw", "steps=3"])
    wanted = trained(spec).metrics[-1]["train_loss"]
    try:
        torch.set_float32_matmul_precision("medium")
        torch.set_default_dtype(torch.float64)
        torch.set_flush_denormal(True)
        assert trained(spec).metrics[-1]["train_loss"] == wanted
        assert torch.get_default_dtype() is torch.float64
        assert torch.get_float32_matmul_precision() == "medium"
        assert torch.tensor(1e-40, dtype=torch.float32) * 1 == 0
    finally:
        torch.set_flush_denormal(False)
        torch.set_float32_matmul_precision("highest")
        torch.set_default_dtype(torch.float32)


def test_a_crashed_group_leaves_no_lanes_behind(specs, monkeypatch):
    """Its memory is what the halves of it need."""
    made = weakref.WeakSet()
    begin = Lanes.__init__

    def remembered(self, *arguments):
        made.add(self)
        begin(self, *arguments)

    def crash(lanes, data):
        raise MemoryError("no more")

    monkeypatch.setattr(Lanes, "__init__", remembered)
    monkeypatch.setattr(loop, "evaluate", crash)
    planned = specs(["model=mlp", "seed=range(3)", "steps=3"])
    for _ in range(2):
        assert isinstance(train_group(LaneGroup(tuple(planned), True)), Failed)
    assert not made
