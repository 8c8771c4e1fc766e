"""The composed config of one run."""

import pytest

from adamcmp.config.compose import ConfigComposer, component_defaults
from adamcmp.errors import ConfigError


def test_config_yaml(composer):
    """Only the requested section, resolved or not."""
    overrides = ["optimizer=sgd", "lr=0.5"]
    text = composer.config_yaml(overrides, package="optimizer")
    assert "lr: 0.5\n" in text and "momentum: 0.9\n" in text and "dataset" not in text
    assert "results: ${oc.env:" in composer.config_yaml(overrides)
    assert "results: ${" not in composer.config_yaml(overrides, resolve=True)
    assert composer.config_yaml(overrides, "hydra").startswith("hydra:")


def test_a_section_that_does_not_exist(composer):
    with pytest.raises(ConfigError, match="--package nope: the config has no such section"):
        composer.config_yaml([], package="nope")


def test_the_config_is_that_of_the_option_with_its_values(composer):
    config = composer.compose(["optimizer=sgd", "lr=0.5", "seed=3"])
    assert config["optimizer"] == component_defaults("optimizer", "sgd") | {"lr": 0.5}
    assert config["seed"] == 3
    assert composer.compose([])["optimizer"]["name"] == "adamw"  # the config was a copy


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer=adamx", "optimizer=adamx: there is no such optimizer. Did you mean 'adam'?"),
        ("hydra.run.dir=x", "Hydra's settings have no effect"),
        ("sed=1", "There is no setting 'sed'. Did you mean 'seed'?"),
    ],
)
def test_invalid_overrides(composer, override, message):
    with pytest.raises(ConfigError) as error:
        composer.compose([override])
    assert message in str(error.value)


def test_options_of_a_config_group(composer):
    assert composer.options("loss") == ["cross_entropy", "mse"]
    assert composer.options("lr") == []


def test_folders_of_configs_are_checked(tmp_path):
    with pytest.raises(ConfigError, match="--config-dir nope: there is no such folder"):
        ConfigComposer("nope")
    (tmp_path / "loss").mkdir()
    (tmp_path / "loss" / "mse.yaml").write_text("name: mse\n")
    with pytest.raises(ConfigError, match="has the name of a built-in file: rename it"):
        ConfigComposer(str(tmp_path))
