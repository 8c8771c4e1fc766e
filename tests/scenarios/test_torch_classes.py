"""Runs with classes of torch.optim and of others, against a plain PyTorch loop."""

import pytest
import pytorch_optimizer
import schedulefree
import torch

from adamcmp.planning.grouping import LaneGroup
from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.training.outcome import Stopped
from adamcmp.training.train import train_group
from tests.support import user_networks
from tests.support.plain_loop import plain_loop
from tests.support.training import F64, comparable, trained

DATA = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50"]
RUN = [
    *DATA,
    "steps=20",
    "eval.every_steps=6",
    "batch_size=10",
    "schedule=constant",
    "optimizer=torch",
]


def with_closure(optimizer, closure):
    optimizer.step(closure)


def evaluated_first(optimizer, closure):
    closure()
    optimizer.step(closure)


def in_training_mode(optimizer, closure):
    optimizer.train()
    closure()
    optimizer.step()


#: Settings -> arguments of a plain loop.
CLASSES = {
    "lbfgs": (
        ["target=torch.optim.LBFGS", "line_search_fn=strong_wolfe", "max_iter=5", "lr=0.1", "batch_size=100", "steps=8"],
        {
            "optimizer": lambda p: torch.optim.LBFGS(p, 0.1, 5, line_search_fn="strong_wolfe"),
            "step": with_closure,
        },
    ),
    "lbfgs clipped": (
        ["target=torch.optim.LBFGS", "max_iter=3", "lr=0.05", "grad_clip=0.5"],
        {"optimizer": lambda p: torch.optim.LBFGS(p, 0.05, 3), "step": with_closure, "clip": 0.5},
    ),
    "sam": (
        ["target=tests.support.user_networks.SAM", "closure=true", "lr=0.1"],
        {"optimizer": lambda p: user_networks.SAM(p, 0.1), "step": evaluated_first},
    ),
    "schedule-free": (
        ["target=pytorch_optimizer.ScheduleFreeAdamW", "lr=0.01", "wd=0.1"],
        {
            "optimizer": lambda p: pytorch_optimizer.ScheduleFreeAdamW(p, 0.01, weight_decay=0.1),
            "step": in_training_mode,
        },
    ),
    "schedule-free with a closure": (
        ["target=schedulefree.AdamWScheduleFreeClosure", "lr=0.01", "wd=0.1"],
        {
            "optimizer": lambda p: schedulefree.AdamWScheduleFreeClosure(p, 0.01, weight_decay=0.1),
            "step": with_closure,
        },
    ),
    "second order": (
        ["target=pytorch_optimizer.AdaHessian", "create_graph=true", "lr=0.05"],
        {"optimizer": lambda p: pytorch_optimizer.AdaHessian(p, 0.05), "create_graph": True},
    ),
}  # fmt: skip


def overrides(settings):
    known = ("target", "closure", "create_graph")
    for setting in settings:
        key = setting.partition("=")[0]
        short = key in ("lr", "wd", "grad_clip", "batch_size", "steps")
        yield setting if short else f"{'' if key in known else '+'}optimizer.{setting}"


@pytest.mark.filterwarnings("ignore:Using backward:UserWarning")
@pytest.mark.parametrize("case", CLASSES)
def test_a_class_in_a_plain_loop(case, specs):
    settings, arguments = CLASSES[case]
    (spec,) = specs([*RUN, "model=mlp", "model.width=8", *overrides(settings)], F64)
    expected, norm = plain_loop(spec, **arguments, with_norm=True)
    outcome = trained(spec)
    row = outcome.runs[0]
    assert {k: row[k] for k in expected} == pytest.approx(expected, rel=1e-9)
    assert outcome.metrics[-1]["param_norm"] == pytest.approx(norm, rel=1e-9)


def test_sparse_gradients(specs):
    network = ["model=custom", "model.target=tests.support.user_networks.SparseGradients"]
    settings = [*network, "optimizer.target=torch.optim.SGD", "lr=0.5"]
    (spec,) = specs([*RUN, *settings], F64)
    expected = plain_loop(spec, lambda p: torch.optim.SGD(p, 0.5))
    row = trained(spec).runs[0]
    assert {k: row[k] for k in expected} == pytest.approx(expected, rel=1e-9)


GROUPS = {
    "muon": [
        "model.target=tests.support.user_networks.Noisy", "optimizer.target=torch.optim.Muon",
        "optimizer.groups.biases_norms.target=torch.optim.AdamW", "wd=0.1",
    ],
    "sparse": [
        "model.target=tests.support.user_networks.SparseGradients",
        "optimizer.target=torch.optim.AdamW", "wd=0.1", "grad_clip=0.1",
        "optimizer.groups.embeddings.target=torch.optim.SparseAdam",
        "optimizer.groups.embeddings.weight_decay=0",
    ],
}  # fmt: skip


@pytest.mark.parametrize("case", [*CLASSES, *GROUPS])
def test_a_run_resumes_with_the_same_bits(case, specs, tmp_path):
    noisy = "model.target=tests.support.user_networks.Noisy"
    settings = GROUPS[case] if case in GROUPS else [noisy, *overrides(CLASSES[case][0])]
    (spec,) = specs([*RUN, "steps=20", "model=custom", *settings, "lr=0.01"])
    checkpointing, steps = Checkpointing(tmp_path / "checkpoint", every=1e9), []
    stopped = train_group(
        LaneGroup((spec,)),
        lambda progress: steps.append(progress.step),
        checkpointing,
        lambda: steps[-1] >= 5,
    )
    assert isinstance(stopped, Stopped) and checkpointing.path.exists()
    resumed = train_group(LaneGroup((spec,)), checkpointing=checkpointing)
    assert comparable(resumed.metrics) == comparable(trained(spec).metrics)


def test_evaluations_do_not_change_the_training(specs):
    """The weights to train are restored exactly after those to evaluate."""
    settings = ["optimizer.target=pytorch_optimizer.ScheduleFreeSGD", "lr=0.1"]
    rare, frequent = (
        trained(specs([*RUN, *settings, f"eval.every_steps={steps}"])[0]).metrics[-1]
        for steps in (20, 1)
    )
    assert rare["test_loss"] == frequent["test_loss"]


def test_every_evaluation_of_a_step_has_the_same_random_numbers(specs):
    """Also with the running statistics of before the step, and if a class assigns `data`."""
    network = ["model=custom", "model.target=tests.support.user_networks.Noisy"]
    optimizer = "tests.support.user_networks.BackAndForth"
    (spec,) = specs([*RUN, *network, f"optimizer.target={optimizer}", "lr=0.1", "steps=3"])
    user_networks.BackAndForth.losses.clear()
    twice = trained(spec), trained(spec)
    losses = user_networks.BackAndForth.losses
    assert len(losses) == 6 and losses[:3] == losses[3:]
    assert all(first == last != elsewhere for first, elsewhere, last in losses)
    assert comparable(twice[0].metrics) == comparable(twice[1].metrics)


def test_nan_is_a_diverged_run(specs):
    (spec,) = specs([*RUN, "optimizer.target=tests.support.user_networks.NaN"])
    row = trained(spec).runs[0]
    assert row["status"] == "diverged" and row["stopped_at_step"] == 3
