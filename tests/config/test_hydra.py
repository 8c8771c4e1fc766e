"""The adapter to Hydra and OmegaConf."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra

import adamcmp
from adamcmp.config import Composer, _hydra

#: The versions that the tests of adamcmp.config were run with. The adapter uses internals, which
#: may change in any release: with another version, run the tests and add it here.
VERSIONS_RUN = {"hydra-core": {"1.3.8"}, "omegaconf": {"2.3.1"}}

#: Any module of Hydra and its parser, and private modules and attributes of OmegaConf.
INTERNALS = re.compile(
    r"^ *(from|import) +(hydra|antlr4)\b|omegaconf\._|\._(value|get_node|query)\b", re.MULTILINE
)


@pytest.mark.parametrize("package", VERSIONS_RUN)
def test_this_version_was_run(package):
    assert version(package) in VERSIONS_RUN[package]


def test_internals_are_used_by_the_adapter_only():
    package = Path(adamcmp.__file__).parent
    files = [file for file in package.rglob("*.py") if INTERNALS.search(file.read_text())]
    assert [file.name for file in files] == ["_hydra.py"]


def test_a_global_hydra_of_the_calling_program_stays(monkeypatch):
    registered = object()
    monkeypatch.setattr(GlobalHydra.instance(), "hydra", registered)
    Composer()
    assert GlobalHydra.instance().hydra is registered


@pytest.mark.parametrize(
    ("text", "separator", "expected"),
    [
        ("1,2", _hydra.COMMA, ["1", "2"]),
        ("[1,2],{a:3,b:4},f(5,6)", _hydra.COMMA, ["[1,2]", "{a:3,b:4}", "f(5,6)"]),
        ("'a,b',c", _hydra.COMMA, ["'a,b'", "c"]),
        ("1e-3:0.1", _hydra.COLON, ["1e-3", "0.1"]),
        ("{a:1}:2", _hydra.COLON, ["{a:1}", "2"]),
        ("", _hydra.COMMA, [""]),
    ],
)
def test_split(text, separator, expected):
    assert _hydra.split(text, separator) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("(1,2)", "1,2"), ("1,2", None), ("(1", None), ("f(1)", None), ("", None)],
)
def test_strip_parentheses(text, expected):
    assert _hydra.strip_parentheses(text) == expected


def test_expands_sweeps_within_sweeps(composer):
    override = composer.parse_override("wd=choice(range(1,3),7)")
    assert list(_hydra.iterate_sweep(override)) == [1, 2, 7]
    assert _hydra.with_value(override, 5).input_line == "optimizer.weight_decay=5"


def test_nested_sweeps(composer):
    assert not _hydra.has_nested_sweep(composer.parse_override("optimizer.betas=[0.9,0.99]"))
    assert _hydra.iterate_sweep(composer.parse_override("lr=1,2")) is not None


def test_completions_are_keys_of_the_config(composer):
    completions = composer.complete_keys(["optimizer=sgd"], "optimizer.mom")
    assert completions == ["optimizer.momentum="]
    assert composer.complete_keys([], "optimizer.bet") == ["optimizer.betas="]


def test_plain_values_have_no_omegaconf_types(composer):
    values = composer.compose(["optimizer.betas=[0.8,0.9]"])
    assert yaml.safe_load(yaml.safe_dump(values)) == values
