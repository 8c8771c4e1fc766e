"""Keys of overrides that do not exist in a composed config."""

import pytest
from omegaconf import OmegaConf

from adamcmp.config.keys import check_key
from adamcmp.errors import ConfigError

CONFIG = OmegaConf.create(
    {
        "optimizer": {"name": "adamw", "rule": "adam", "lr": 0.1, "eps": "???"},
        "model": {"name": "custom", "target": "x.Y"},
        "eval": {"every": None},
        "seed": 0,
    }
)


@pytest.mark.parametrize(
    "override",
    ["lr=1", "optimizer.eps=1", "seed=3", "+optimizer.new=1", "++seed=2", "optimizer={lr:1}"],
)
def test_valid_keys(composer, override):
    check_key(composer.parse_override(override), CONFIG, ["adamw", "sgd"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sed=1", "There is no setting 'sed'. Did you mean 'seed'?"),
        ("lrr=1", "There is no setting 'lrr'. Did you mean 'lr'?"),
        ("optimizer.esp=1", "no setting 'optimizer.esp' of optimizer=adamw. Did you mean 'optimizer.eps'? Settings: lr, eps."),
        ("model.width=1", "of model=custom. Settings: target. Add an argument of your class with a leading +."),
        ("eval.points=1", "There is no setting 'eval.points'. Settings: every."),
        ("+seed=1", "+seed already exists: leave out the +."),
        ("optimizer=rmsprop", "optimizer=rmsprop: should be one of adamw, sgd."),
        ("every=1", "There is no setting 'every'. Did you mean 'eval.every'?"),
        ("a.b=1", "There is no setting 'a.b'"),
    ],
)  # fmt: skip
def test_invalid_keys(composer, override, message):
    with pytest.raises(ConfigError) as error:
        check_key(composer.parse_override(override), CONFIG, ["adamw", "sgd"])
    assert message in str(error.value)
