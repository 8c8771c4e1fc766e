"""The composed config of one run."""

from pathlib import Path

import adamcmp.configs
import pytest

from adamcmp.config import Composer, component_defaults
from adamcmp.config.compose import ConfigComposer
from adamcmp.config.study_config import DEFAULTS_VERSION
from adamcmp.errors import ConfigError
from adamcmp.planning.specs import run_specs
from tests.conftest import CPU

CONFIGS = Path(adamcmp.configs.__file__).parent


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
        ("optimizer=adamx", "optimizer=adamx: there is no such optimizer. Did you mean 'adamax'?"),
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


@pytest.mark.parametrize(
    ("overrides", "run_id"),
    [
        ([], "5b8e8ad4144fad11"),
        (["optimizer=sgd"], "1bc2bdff169d27ec"),
        (["optimizer=adam_l2", "wd=0.1"], "a5ed59fda05a6c4c"),
        (["model=cnn1d", "dataset.subset=100"], "5d5a34b0a1ba382a"),
    ],
)
def test_former_defaults_give_the_run_ids_of_version_0_1(overrides, run_id):
    (spec,) = run_specs(Composer(defaults=1).run(overrides), CPU)
    assert spec.run_id == run_id


def test_each_former_version_replaces_present_files():
    """A renamed file would let a former version have present defaults."""
    for version in range(1, DEFAULTS_VERSION):
        folder = CONFIGS / "former" / str(version)
        files = [file.relative_to(folder) for file in folder.rglob("*.yaml")]
        assert files and all((CONFIGS / file).exists() for file in files)
