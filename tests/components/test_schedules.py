"""Schedules against torch.optim.lr_scheduler, and the properties of those that torch lacks."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from adamcmp.components.schedules import Horizon, Schedule
from adamcmp.config import COMPONENT_GROUPS, build_component
from adamcmp.errors import ConfigError

T = 120
HORIZON = Horizon(T, 12.0)


def ours(horizon=HORIZON, **values):
    schedule = build_component("schedule", values)
    return schedule.multiplier(np.arange(horizon.steps), horizon)


def torch_values(make, steps=T):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=1.0, momentum=0.9)
    scheduler = make(optimizer)
    seen = []
    for _ in range(steps):
        seen.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))
        optimizer.step()
        scheduler.step()
    return tuple(np.array(column) for column in zip(*seen, strict=True))


def with_linear_warmup(rest):
    """torch's linear warm-up over 12 steps, (t + 1)/12, then another schedule."""

    def make(optimizer):
        rise = lr_scheduler.LinearLR(optimizer, start_factor=1 / 12, total_iters=11)
        return lr_scheduler.SequentialLR(optimizer, [rise, rest(optimizer)], milestones=[12])

    return make


CASES = {
    "constant": ({"name": "constant"}, lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
    "linear": (
        {"name": "linear", "end": 0.1},
        lambda o: lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=T),
    ),
    "cosine": ({"name": "cosine"}, lambda o: lr_scheduler.CosineAnnealingLR(o, T)),
    "cosine end": ({"name": "cosine", "end": 0.2}, lambda o: lr_scheduler.CosineAnnealingLR(o, T, 0.2)),
    "cosine warm": (
        {"name": "cosine", "warmup": 0.1},
        with_linear_warmup(lambda o: lr_scheduler.CosineAnnealingLR(o, T - 12)),
    ),
    "step": (
        {"name": "step", "milestones": [0.25, 0.5, 0.9], "gamma": 0.3},
        lambda o: lr_scheduler.MultiStepLR(o, [30, 60, 108], 0.3),
    ),
    "exponential": (
        {"name": "exponential", "end": 0.02},
        lambda o: lr_scheduler.ExponentialLR(o, 0.02 ** (1 / T)),
    ),
    "one_cycle": ({"name": "one_cycle"}, lambda o: lr_scheduler.OneCycleLR(o, 1.0, T)),
    "one_cycle linear": (
        {
            "name": "one_cycle", "anneal": "linear", "pct_start": 0.4, "div_factor": 10.0,
            "final_div_factor": 50.0, "base_momentum": 0.8, "max_momentum": 0.9,
        },
        lambda o: lr_scheduler.OneCycleLR(
            o, 1.0, T, pct_start=0.4, anneal_strategy="linear", div_factor=10, final_div_factor=50,
            base_momentum=0.8, max_momentum=0.9,
        ),
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize("case", CASES)
def test_against_torch(case):
    values, make = CASES[case]
    expected, _ = torch_values(make)
    np.testing.assert_allclose(ours(**values), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("case", ["one_cycle", "one_cycle linear"])
def test_momentum_of_one_cycle_against_torch(case):
    values, make = CASES[case]
    _, expected = torch_values(make)
    momentum = build_component("schedule", values).momentum(np.arange(T), HORIZON)
    np.testing.assert_allclose(momentum, expected, rtol=1e-9)


@pytest.mark.parametrize(("first", "factor"), [(2, 1), (1, 2), (3, 2)])
def test_restarts_against_torch(first, factor):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=1.0)
    scheduler = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, first, factor, eta_min=0.1)
    expected = []
    for t in range(T):
        scheduler.step(t / HORIZON.epoch)
        expected.append(optimizer.param_groups[0]["lr"])
    got = ours(name="cosine_restarts", T_0=float(first), T_mult=factor, end=0.1)
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_cycles_of_restarts_end_as_in_the_paper():
    """T_0 = 100, T_mult = 2: cycles end after 100, 300 and 700 epochs."""
    schedule = build_component("schedule", {"name": "cosine_restarts", "T_0": 100.0, "T_mult": 2})
    assert schedule.cycle_ends(Horizon(1000, 1.0)).tolist() == [100, 300, 700]


def test_wsd_has_three_phases():
    got = ours(name="wsd", warmup=0.1, decay=0.5, end=0.1)
    assert got[:12] == pytest.approx(np.arange(1, 13) / 12)
    assert (got[12:66] == 1).all()
    np.testing.assert_allclose(np.diff(got[66:]), -0.9 / 54)


@pytest.mark.parametrize("form", ["linear", "cosine", "sqrt"])
def test_wsd_forms_fall_from_1_to_end(form):
    got = ours(Horizon(10_000, 1.0), name="wsd", form=form, end=0.0)
    assert got[8000 - 500 :].max() == 1 and got[-1] < 0.02
    assert (np.diff(got[8100:]) < 0).all()


@settings(max_examples=60)
@given(
    name=st.sampled_from(COMPONENT_GROUPS["schedule"].names),
    steps=st.integers(1, 300),
    epoch=st.floats(0.5, 50),
    warmup=st.floats(0, 0.9),
)
def test_multipliers_stay_in_0_1_and_do_not_depend_on_the_requested_steps(
    name, steps, epoch, warmup
):
    warm = {} if name == "one_cycle" else {"warmup": warmup}
    schedule = build_component("schedule", {"name": name, **warm})
    horizon = Horizon(steps, epoch)
    whole = schedule.multiplier(np.arange(steps), horizon)
    assert ((whole >= 0) & (whole <= 1)).all()
    cut = steps // 2
    pieces = [schedule.multiplier(np.arange(a, b), horizon) for a, b in ((0, cut), (cut, steps))]
    assert np.concatenate(pieces).tolist() == whole.tolist()


def test_every_schedule_is_known_to_the_config():
    group = COMPONENT_GROUPS["schedule"]
    assert group.names and all(issubclass(group.component(n), Schedule) for n in group.names)


@pytest.mark.parametrize("milestones", ["[0.75,0.5]", "[0.5,0.5]"])
def test_milestones_ascend(milestones, composer):
    with pytest.raises(ConfigError, match=r"should ascend, like \[0.5,0.75\]"):
        composer.run(["schedule=step", f"schedule.milestones={milestones}"])
