"""Validation of a composed config by section."""

import pytest

from adamcmp.config import component_defaults
from adamcmp.config.sections import (
    SECTIONS,
    build_component,
    build_run,
    build_section,
    section_of,
    split_sections,
)
from adamcmp.errors import ConfigError


@pytest.mark.parametrize(
    ("key", "section"),
    [
        ("optimizer.lr", "optimizer"),
        ("logger", "logger"),
        ("study", "location"),
        ("device", "numerics"),
        ("workers", "execution"),
        ("sampler", "search"),
        ("eval.every", "protocol"),
        ("no_such_key", "protocol"),
    ],
)
def test_sections_of_keys(key, section):
    assert section_of(key) == section


def test_each_value_belongs_to_one_section(composer):
    values = composer.compose([])
    sections = split_sections(values)
    assert tuple(sections) == SECTIONS
    assert sorted(key for section in sections.values() for key in section) == sorted(values)


def test_a_config_is_a_run_and_what_its_study_shares(composer):
    composed = build_run(composer.compose(["seed=3", "workers=2", "device=cpu"]) | {"study": "s"})
    assert (composed.run.protocol.seed, composed.execution.workers) == (3, 2)
    assert (composed.numerics.device, composed.location.study) == ("cpu", "s")


@pytest.mark.parametrize(
    ("group", "values", "message"),
    [
        ("loss", None, "loss is needed, such as loss=cross_entropy."),
        ("loss", {"label_smoothing": 0.1}, "loss.name is needed: one of cross_entropy, mse."),
        ("loss", {"name": "???"}, "loss.name is needed: one of cross_entropy, mse."),
        ("loss", {"name": "cross_entrpy"}, "Did you mean 'cross_entropy'?"),
        ("optimizer", {"name": "adamw"}, "optimizer.rule is needed: one of "),
    ],
)
def test_invalid_components(group, values, message):
    with pytest.raises(ConfigError) as error:
        build_component(group, values)
    assert message in str(error.value)


def test_a_missing_value_is_named():
    values = {**component_defaults("dataset", "csv"), "path": "???"}
    with pytest.raises(ConfigError, match=r"^dataset\.path"):
        build_component("dataset", values)


def test_errors_of_evaluations_name_the_full_key():
    with pytest.raises(ConfigError, match=r"^eval\.every=0"):
        build_section("protocol", {"eval": {"every": 0}})


def test_a_loss_of_another_problem_type(composer):
    values = composer.compose(["dataset=teacher", "dataset.task=regression"]) | {"study": "s"}
    with pytest.raises(ConfigError) as error:
        build_run(values)
    assert str(error.value) == (
        "loss=cross_entropy is for classification, but the dataset is a regression problem: "
        "use loss=mse."
    )
