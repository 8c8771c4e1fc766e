"""Single overrides: short keys, Hydra's grammar, sweeps."""

import pytest

from adamcmp.config.overrides import SHORT_KEYS, expand_key, shorten_key, with_typed_key
from adamcmp.errors import ConfigError


@pytest.mark.parametrize("key", SHORT_KEYS)
def test_short_keys(key):
    for sign in ("", "+", "++", "~"):
        assert expand_key(f"{sign}{key}=1") == f"{sign}{SHORT_KEYS[key]}=1"
    if "." not in key:
        assert shorten_key(expand_key(f"{key}=a=b")) == f"{key}=a=b"


@pytest.mark.parametrize("override", ["seed=1", "optimizer.lr=1", "~lr,wd", "a b", ""])
def test_other_keys_stay(override):
    assert expand_key(override) == override


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_separator_is_a_value(composer, separator):
    overrides = ["dataset=csv", "dataset.path=a.csv", "dataset.target=y"]
    run = composer.run([*overrides, f"dataset.delimiter={separator}"]).runs[0]
    assert run.dataset.delimiter == separator


def test_error_messages_name_the_key_that_was_typed():
    message = "optimizer.lr=-1: should be at least 0"
    assert with_typed_key(message, ["seed=1", "lr=-1"]) == "lr=-1: should be at least 0"
    assert with_typed_key(message, ["zip(lr, wd)=(-1,2)"]) == "lr=-1: should be at least 0"
    assert with_typed_key(message, ["optimizer.lr=-1"]) == message


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lr=(", "Cannot read 'lr=('"),
        ("lr=nope(1)", "there is no function 'nope'. Choose from: "),
        ("lr=linspac(1,2,3)", "Did you mean 'linspace'?"),
        ("lr=logspace(1,2)", "lr=logspace(1,2): missing a required argument: 'n'."),
        ("lr=[1,choice(2,3)]", "one element of a list cannot have several values"),
    ],
)
def test_overrides_that_are_not_in_the_grammar(composer, override, message):
    with pytest.raises(ConfigError) as error:
        composer.grammar.parse(override)
    assert message in str(error.value)


def test_a_sweep_has_one_override_per_value(composer):
    grammar = composer.grammar
    values = grammar.expand_sweep(grammar.parse("seed=range(3),x,null"))
    assert [value.input_line for value in values] == [
        f"seed={value}" for value in (0, 1, 2, "x", "null")
    ]
    with pytest.raises(ConfigError, match=r"^seed=range.*: more than 100,000 values"):
        grammar.expand_sweep(grammar.parse("seed=range(60000),range(60000)"))
