"""The measured coupling of known optimizers: torch's, third parties', ours, and flawed ones.

The expected couplings are from the sources of the classes.
"""

import math

import pytest
import pytorch_optimizer
import torch

from adamcmp.components.optimizers import COUPLINGS
from adamcmp.config import component_defaults
from adamcmp.inspection.decay import EXPONENTS, measure_decay
from adamcmp.inspection.rule_subject import RuleSubject
from adamcmp.inspection.torch_subject import TorchSubject
from adamcmp.workflows.components import list_components
from tests.support import flawed_optimizers as flawed

WD = 0.1
TORCH = [
    ("SGD", {}, "l2"),
    ("SGD", {"momentum": 0.9}, "l2"),
    ("SGD", {"momentum": 0.9, "nesterov": True}, "l2"),
    ("Adam", {}, "l2"),
    ("Adam", {"amsgrad": True}, "l2"),
    ("AdamW", {}, "decoupled"),
    ("NAdam", {}, "l2"),
    ("NAdam", {"decoupled_weight_decay": True}, "decoupled"),
    ("RAdam", {}, "l2"),
    ("RAdam", {"decoupled_weight_decay": True}, "decoupled"),
    ("Adagrad", {}, "l2"),
    ("Adadelta", {}, "l2"),
    ("RMSprop", {}, "l2"),
    ("RMSprop", {"centered": True, "momentum": 0.9}, "l2"),
    ("Adamax", {}, "l2"),
    ("Adafactor", {}, "decoupled"),
]
THIRD_PARTY = [
    ("AdaBelief", {}, "decoupled"),
    ("AdaBelief", {"weight_decouple": False}, "l2"),
    ("AdaBelief", {"fixed_decay": True}, "fixed"),
    ("AdaBound", {}, "decoupled"),
    ("AdaMod", {}, "decoupled"),
    ("AdaPNM", {}, "decoupled"),
    ("AdamC", {}, "decoupled"),
    ("AdEMAMix", {}, "l2"),
    ("ADOPT", {}, "l2"),
    ("ADOPT", {"weight_decouple": True}, "decoupled"),
    ("AggMo", {}, "l2"),
    ("Adai", {}, "l2"),
    ("CAME", {}, "decoupled"),
    ("DiffGrad", {}, "decoupled"),
    ("Grams", {}, "decoupled"),
    ("Lamb", {}, "decoupled"),
    ("LaProp", {}, "decoupled"),
    ("LARS", {}, "l2"),
    ("Lion", {}, "decoupled"),
    ("Lion", {"weight_decouple": False}, "l2"),
    ("MADGRAD", {}, "l2"),
    ("MARS", {}, "decoupled"),
    ("PNM", {}, "decoupled"),
    ("QHAdam", {}, "l2"),
    ("QHM", {"momentum": 0.9}, "l2"),
    ("RAdam", {}, "decoupled"),
    ("Ranger", {}, "decoupled"),
    ("SGDW", {"momentum": 0.9}, "decoupled"),
    ("SignSGD", {}, "decoupled"),
    ("StableAdamW", {}, "decoupled"),
    ("Tiger", {}, "decoupled"),
    ("Yogi", {}, "decoupled"),
]


def measured(factory, **settings):
    return measure_decay(TorchSubject(factory, settings))


def check(decay, coupling, wd=WD):
    assert (decay.coupling, decay.exact) == (coupling, True)
    assert decay.strength == pytest.approx(wd, rel=1e-6)
    if coupling in EXPONENTS:
        assert (decay.lr_exponent, decay.schedule_exponent) == EXPONENTS[coupling]


def some_slow(cases, quick):
    """Return parameters of which those at the given positions are in the default suite."""
    return [
        pytest.param(*case, marks=[] if i in quick else pytest.mark.slow)
        for i, case in enumerate(cases)
    ]


@pytest.mark.parametrize(("name", "settings", "coupling"), some_slow(TORCH, (1, 3, 5, 8, 15)))
def test_torch(name, settings, coupling):
    check(measured(getattr(torch.optim, name), weight_decay=WD, **settings), coupling)


@pytest.mark.slow
def test_muon():
    check(measured(torch.optim.Muon, weight_decay=WD), "decoupled")


@pytest.mark.parametrize(
    ("name", "settings", "coupling"), some_slow(THIRD_PARTY, (2, 8, 17, 24, 25))
)
def test_third_party(name, settings, coupling):
    check(measured(getattr(pytorch_optimizer, name), weight_decay=WD, **settings), coupling)


@pytest.mark.parametrize("name", ["Rprop", "LBFGS"])
def test_optimizers_without_decay(name):
    assert measured(getattr(torch.optim, name)).coupling == "none"


def test_without_a_coefficient_there_is_none():
    assert measured(torch.optim.AdamW, weight_decay=0.0).coupling == "none"


@pytest.mark.slow
def test_torch_asgd_decays_by_default():
    """With lambd, 1e-4 by default, beside weight_decay; for plain SGD both are L2."""
    check(measured(torch.optim.ASGD), "l2", 1e-4)
    check(measured(torch.optim.ASGD, weight_decay=WD), "l2", WD + 1e-4)


def test_proximal_decay_of_adan():
    """θ ← θ/(1 + lr·wd), which Adan's authors use."""
    decay = measured(pytorch_optimizer.Adan, weight_decay=WD, lr=0.01)
    assert decay.coupling == "decoupled"
    assert decay.strength == pytest.approx(WD / (1 + 0.01 * WD))


def test_adamp_decays_weights_less_whose_gradients_are_orthogonal():
    """The factor is wd_ratio, for weights that it takes to be scale-invariant."""
    check(measured(pytorch_optimizer.AdamP, weight_decay=WD, wd_ratio=0.3), "decoupled", 0.3 * WD)


def test_a_decay_that_depends_on_gradients():
    """AdamS: stable weight decay, divided by the root mean square of all gradients."""
    decay = measured(pytorch_optimizer.AdamS, weight_decay=WD)
    assert (decay.coupling, decay.exact, decay.gradient_exponent) == ("decoupled", False, -1)


@pytest.mark.slow
def test_a_decay_that_the_norm_of_the_weights_multiplies():
    """LAMB's paper: the decay is inside the trust ratio."""
    decay = measured(pytorch_optimizer.Lamb, weight_decay=WD, weight_decouple=False)
    assert not decay.exact and decay.weights_exponent == 1


# ------------------------------------------------------------------------------------------ ours


def decay_of_rule(name, **settings):
    return measure_decay(RuleSubject(component_defaults("optimizer", name), settings))


OWN = [name for name in list_components("optimizer")["optimizer"] if name != "torch"]


@pytest.mark.parametrize("coupling", ["l2", *COUPLINGS])
@pytest.mark.parametrize("cautious", [False, True])
@pytest.mark.parametrize("name", ["sgd", pytest.param("adam", marks=pytest.mark.slow)])
def test_every_coupling(name, coupling, cautious):
    decay = decay_of_rule(name, coupling=coupling, weight_decay=WD, cautious=cautious)
    check(decay, coupling)
    assert decay.cautious == cautious


#: Rules whose own step size multiplies the decay; test_inspecting.py has them.
WITH_A_STEP_SIZE = ("lamb", "prodigy", "schedulefree_adamw", "schedulefree_sgd")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in OWN if name not in WITH_A_STEP_SIZE])
def test_every_rule(name):
    rule = RuleSubject(component_defaults("optimizer", name), {}).rule
    other_decay = {"lambd": 0.0} if name == "asgd" else {}
    for coupling in {"l2", *COUPLINGS} - rule.refused_couplings.keys():
        decay = decay_of_rule(name, coupling=coupling, weight_decay=WD, **other_decay)
        assert decay.coupling == coupling or coupling in decay.equivalent
        assert decay.strength == pytest.approx(WD, rel=1e-6)


def test_a_norm_that_is_kept():
    assert decay_of_rule("adamw", coupling="norm", weight_decay=0.0).norm_of == "tensor"


def test_l2_and_decoupled_are_the_same_for_plain_sgd():
    for coupling in ("l2", "decoupled"):
        decay = decay_of_rule("sgd", coupling=coupling, weight_decay=WD, momentum=0.0)
        assert (decay.coupling, decay.equivalent) == ("l2", ("decoupled",))


def test_all_separate_couplings_have_exponents():
    lr, s, wd = 0.5, 0.25, 0.1
    tensors = {"lr": lr, "multiplier": s, "weight_decay": wd}
    hypers = {name: torch.tensor(value) for name, value in tensors.items()}
    assert EXPONENTS.keys() == COUPLINGS.keys()
    for coupling, (q, p) in EXPONENTS.items():
        assert float(COUPLINGS[coupling](hypers)) == pytest.approx(wd * lr**q * s**p)


# ---------------------------------------------------------------------------------------- flawed


def test_a_decay_that_is_never_applied():
    assert measured(flawed.NeverApplied, weight_decay=WD).coupling == "none"


@pytest.mark.parametrize(
    ("cls", "coupling", "strength"),
    [
        (flawed.WrongSign, "decoupled", -WD),
        (flawed.Twice, "decoupled", 2 * WD),
        (flawed.AfterTheStep, "decoupled", WD),
        (flawed.Masked, "decoupled", WD),
        (flawed.SquaresWithoutHalf, "l2", 2 * WD),
        (flawed.NeedsTrainMode, "decoupled", WD),
        (flawed.NeedsClosure, "l2", WD),
    ],
)
def test_flaws(cls, coupling, strength):
    decay = measured(cls, weight_decay=WD)
    check(decay, coupling, strength)
    assert decay.cautious == (cls is flawed.Masked)


@pytest.mark.parametrize(
    ("cls", "powers"), [(flawed.ByLrSquared, (2, 2)), (flawed.UnscheduledDecay, (1, 0))]
)
def test_other_powers_of_the_learning_rate(cls, powers):
    decay = measured(cls, weight_decay=WD)
    assert not decay.exact and decay.strength == pytest.approx(WD)
    assert (decay.lr_exponent, decay.schedule_exponent) == powers
    # The coefficient of the most similar coupling, at the learning rate 0.01 of the class.
    assert decay.coefficient(0.01) == pytest.approx(0.01 * WD)


def test_a_decay_that_enters_the_momentum():
    decay = measured(flawed.IntoMomentum, weight_decay=WD)
    assert decay.accumulates and not decay.exact


def test_norms_of_rows():
    decay = measured(flawed.RowNorms)
    assert (decay.coupling, decay.norm_of, decay.exact) == ("norm", "rows", False)


def test_a_learning_rate_that_cannot_be_changed():
    decay = measured(flawed.FixedLr, weight_decay=WD)
    assert (decay.coupling, decay.lr_exponent, decay.schedule_exponent) == ("decoupled", 1, None)


def test_names_do_not_matter():
    """A class named AdamW with L2, whose argument is named ridge."""
    check(measured(flawed.AdamW, ridge=WD), "l2")


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_a_renamed_class(name):
    cls = getattr(torch.optim, name)
    renamed = type("Rprop", (cls,), {})
    assert measured(renamed, weight_decay=WD) == measured(cls, weight_decay=WD)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings", "coupling"), [*TORCH, *THIRD_PARTY])
def test_every_class_under_another_name(name, settings, coupling):
    module = torch.optim if (name, settings, coupling) in TORCH else pytorch_optimizer
    renamed = type("Unnamed", (getattr(module, name),), {})
    check(measured(renamed, weight_decay=WD, **settings), coupling)


def test_weights_in_float32():
    decay = measure_decay(
        TorchSubject(flawed.Float32Only, {"weight_decay": WD}, dtype=torch.float32)
    )
    assert (decay.coupling, decay.exact) == ("decoupled", True)
    assert math.isclose(decay.strength, WD, rel_tol=1e-2)
