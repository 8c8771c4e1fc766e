"""What holds of optimizers for all gradients, lr and weight decays."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adamcmp.config import CONFIG_GROUPS, component_defaults
from tests.support.rules import predefined, rule_steps
from tests.support.tensors import assert_close

STEPS = 12
#: The weights are averages of decayed ones.
NOT_GEOMETRIC = {"schedulefree_sgd", "schedulefree_adamw"}
DECOUPLED = [
    rule
    for rule in CONFIG_GROUPS["optimizer"].names
    if rule not in {"torch", *NOT_GEOMETRIC}
    and "decoupled" not in CONFIG_GROUPS["optimizer"].component(rule).refused_couplings
]
seeds = st.integers(0, 2**31)
learning_rates = st.floats(1e-4, 0.3)
decays = st.floats(0.0, 1.0)
few = settings(max_examples=15, derandomize=True)


def gradients(seed):
    """Return gradients of many sizes, one row per step."""
    generator = torch.Generator().manual_seed(seed)
    size = 10.0 ** torch.randint(-4, 4, (STEPS, 1), generator=generator)
    return size * torch.randn(STEPS, 6, generator=generator, dtype=torch.float64)


def trained(rule, grads, **values):
    """Return the weights before and after each step, with a moving lr, and the states after each."""
    variant = predefined(rule, **values)
    start = {"w": torch.linspace(-2, 2, 6, dtype=torch.float64)}
    multipliers = map(multiplier, range(len(grads)))
    steps = list(rule_steps(variant, start, [{"w": g} for g in grads], multipliers))
    return torch.stack([start["w"], *(s.params["w"] for s in steps)]), [s.state for s in steps]


def multiplier(t):
    return 1 - t / (2 * STEPS)


@few
@given(seeds, learning_rates, decays)
def test_l2_and_decoupled_sgd_coincide(seed, lr, wd):
    """Loshchilov & Hutter 2019, Proposition 1, with torch's decoupled decay lr·wd."""
    grads = gradients(seed)
    shared = {"momentum": 0.0, "lr": lr, "weight_decay": wd}
    l2, _ = trained("sgd", grads, coupling="l2", **shared)
    decoupled, _ = trained("sgd", grads, coupling="decoupled", **shared)
    assert_close({"w": l2}, {"w": decoupled})


@few
@given(seeds, st.integers(-20, 20).filter(bool))
def test_scaling_the_loss_changes_sgd_but_not_adam(seed, exponent):
    """By a power of two, so that Adam without ε has the same bits."""
    grads, scaled = gradients(seed), 2.0**exponent * gradients(seed)
    adam = {"coupling": "none", "eps": 0.0}
    assert torch.equal(trained("adam", grads, **adam)[0], trained("adam", scaled, **adam)[0])
    sgd, _ = trained("sgd", grads, coupling="none", lr=0.1)
    assert not torch.allclose(sgd[1:], trained("sgd", scaled, coupling="none", lr=0.1)[0][1:])


@few
@given(seeds, st.floats(1e-3, 1e3))
def test_with_eps_adam_changes_by_eps_when_the_loss_is_scaled(seed, factor):
    """A step changes at most by lr·ε times the change of the reciprocal of √v̂."""
    grads = gradients(seed).abs() + 1
    plain, _ = trained("adam", grads, coupling="none", lr=0.1, eps=1e-8)
    scaled, _ = trained("adam", factor * grads, coupling="none", lr=0.1, eps=1e-8)
    assert (plain - scaled).abs().max() <= 0.1 * STEPS * 1e-8 * max(1, 1 / factor)


@settings(max_examples=20, derandomize=True)
@given(st.sampled_from(DECOUPLED), learning_rates, decays)
def test_decoupled_decay_without_gradients_shrinks_geometrically(rule, lr, wd):
    values = {"lr": lr, "weight_decay": wd, "coupling": "decoupled"}
    values |= {"decay_in_trust_ratio": False} if rule == "lamb" else {}
    # Prodigy's decay is in proportion to its estimate d, which stays d0 without gradients.
    scale = component_defaults("optimizer", rule)["d0"] if rule == "prodigy" else 1.0
    visited, _ = trained(rule, torch.zeros(STEPS, 6, dtype=torch.float64), **values)
    shrink = math.prod(1 - multiplier(t) * scale * lr * wd for t in range(STEPS))
    assert_close({"w": visited[-1]}, {"w": shrink * visited[0]})


@few
@given(seeds, st.floats(0.5, 0.999))
def test_amsgrad_keeps_its_maximum_and_its_steps_are_at_most_adams(seed, beta2):
    """Both have the same bias correction, which falls: AMSGrad's denominator may fall, too."""
    grads = gradients(seed)
    values = {"betas": [0.9, beta2], "coupling": "none", "lr": 0.1}
    adam, _ = trained("adam", grads, **values)
    amsgrad, states = trained("adam", grads, amsgrad=True, **values)
    maxima = torch.stack([state[0]["v_max"]["w"] for state in states])
    assert (maxima.diff(dim=0) >= 0).all()
    assert (amsgrad.diff(dim=0).abs() <= adam.diff(dim=0).abs() * (1 + 1e-9) + 1e-15).all()


@few
@given(seeds, learning_rates)
def test_lions_step_has_the_size_of_lr(seed, lr):
    visited, _ = trained("lion", gradients(seed), coupling="none", lr=lr)
    expected = torch.tensor([lr * multiplier(t) for t in range(STEPS)], dtype=torch.float64)
    assert_close({"w": visited.diff(dim=0).abs()}, {"w": expected[:, None].expand(STEPS, 6)})
