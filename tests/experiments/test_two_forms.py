"""Both forms of optimizers on a small problem: equal for SGD, and for no other rule."""

import numpy as np
import pytest

from adamcmp.errors import ConfigError
from adamcmp.experiments.optimizer_choice import OptimizerChoice
from adamcmp.experiments.two_forms import compare_forms, compose_forms, with_defaults

SMALL = {"dataset": "teacher", "model.width": "6", "steps": "12", "batch_size": "8"}


def compared(composer, text, **settings):
    settings = with_defaults(SMALL | settings)
    return compare_forms(compose_forms(composer, OptimizerChoice.parse(text), settings))


def test_the_forms_of_sgd_are_the_same_update(composer):
    result = compared(composer, "sgd:momentum=0")
    assert result.distances.is_rounding and result.distances.distance.max() < 1e-14
    assert result.distances.closest[0] == result.distances.coefficients.l2 == 0.01
    for decay in (result.l2, result.decoupled):
        assert decay.change / decay.square == pytest.approx(0.1 * 0.01, rel=1e-8)


def test_momentum_decays_later(composer):
    result = compared(composer, "sgd:momentum=0.5")
    assert result.distances.coefficients.matched == 0.02
    assert not result.distances.is_rounding
    # The first step of the decoupled form decays twice as much as that of L2.
    assert result.distances.share[0] == pytest.approx(1, rel=1e-6)
    assert result.distances.share[-1] < 0.3
    assert result.decoupled.change / result.decoupled.square == pytest.approx(0.002, rel=1e-8)


def test_no_coefficient_makes_the_forms_of_adam_equal(composer):
    result = compared(composer, "adam:lr=0.01")
    assert result.distances.coefficients.gain is None
    assert result.distances.coefficients.matched == 0.01
    assert result.distances.share[-1] > 0.9 and result.distances.closest[1] > 0.1
    decay = result.decoupled.change / result.decoupled.square
    assert decay == pytest.approx(0.01 * 0.01, rel=1e-6)
    # Proposition 2 of Loshchilov & Hutter 2019
    assert result.l2.small_to_large > 2


@pytest.mark.slow
def test_models_whose_lanes_are_not_fused(composer):
    settings = with_defaults({"model": "cnn1d", "steps": "2", "batch_size": "8"})
    forms = compose_forms(composer, OptimizerChoice.parse("sgd:momentum=0"), settings)
    result = compare_forms(forms)
    assert result.distances.is_rounding and np.isfinite(result.distances.last_share).any()


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("sgd:coupling=l2", {}, "coupling=l2: each optimizer is trained with coupling=l2 and"),
        ("torch:target=torch.optim.Adam", {}, "the coupling of a torch.optim class cannot be"),
        ("sgd", {"optimizer.weight_decay": "0"}, "wd=0: the weights hardly differ"),
        ("sgd", {"optimizer.lr": "1e200"}, "training diverges. Choose a smaller lr"),
        ("sdg", {}, "there is no such optimizer. Did you mean 'sgd'"),
    ],
)
def test_errors(composer, text, settings, message):
    with pytest.raises(ConfigError, match=message):
        compared(composer, text, **(SMALL | {"steps": "2"} | settings))
