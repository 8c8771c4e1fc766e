"""Optimizers with settings on a command line, and their runs."""

import pytest

from adamcmp.errors import ConfigError
from adamcmp.experiments.optimizer_choice import OptimizerChoice, run_spec, split_arguments


def test_settings_and_overrides(composer):
    (sgd, adam), overrides = split_arguments(["sgd:wd=0.1:momentum=0", "lr=0.2", "adam:lr=0.3"])
    assert (sgd.label, adam.label) == ("sgd, wd 0.1, momentum 0", "adam, lr 0.3")
    run = run_spec(composer, adam.name, overrides, adam.settings)
    assert (run.config.optimizer.name, run.config.optimizer.lr) == ("adam", 0.3)
    run = run_spec(composer, sgd.name, overrides, sgd.settings)
    assert (run.config.optimizer.lr, run.config.optimizer.weight_decay) == (0.2, 0.1)
    assert (run.numerics.dtype, run.numerics.device) == ("float64", "cpu")
    float32 = run_spec(composer, "sgd", {"dtype": "float32"})
    assert float32.numerics.dtype == "float32"


def test_arguments_of_a_torch_class(composer):
    choice = OptimizerChoice.parse("torch:target=torch.optim.SGD:+momentum=0.9:lr=0.1")
    assert list(choice.settings) == ["optimizer.target", "+optimizer.momentum", "optimizer.lr"]
    optimizer = run_spec(composer, choice.name, choice.settings).config.optimizer
    assert (optimizer.lr, optimizer.identity()["momentum"]) == (0.1, 0.9)


def test_choices_of_the_same_text_are_equal():
    assert OptimizerChoice.parse("sgd:lr=1") == OptimizerChoice.parse("sgd:lr=1")
    assert len({OptimizerChoice.parse("sgd"), OptimizerChoice.parse("sgd")}) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sgd:lr"], "sgd:lr: 'lr' should be SETTING=VALUE"),
        (["sgd:lr="], "should be SETTING=VALUE"),
        (["sgd:lr=1:lr=2"], "each setting once"),
        (["sgd", "sgd"], "sgd is named twice"),
        (["optimizer=adam"], "write the optimizer's name only, as in adam"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ConfigError, match=message):
        split_arguments(arguments)
