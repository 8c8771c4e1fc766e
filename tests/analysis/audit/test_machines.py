"""Comparisons of runs from several processors, versions and engines."""

import pytest

from tests.support.audited import findings_of, study

OPTIMIZERS = {"adam_l2": 0.3, "adamw": 0.25, "sgd": 0.3}


def mixed(column, value, chosen, **columns):
    """Return the findings on runs of which some have another value of a column."""
    runs, metrics = study(OPTIMIZERS, seeds=2, lrs=(0.1,), **{column: "A", **columns})
    runs.loc[chosen(runs), column] = value
    return findings_of("machines", runs, metrics)


@pytest.mark.parametrize("column", ["hardware", "adamcmp_version", "torch_version"])
def test_optimizers_from_different_machines_are_named(column):
    (finding,) = mixed(column, "B", lambda runs: runs["optimizer"] == "sgd")
    assert (finding.kind, finding.severity, finding.undermines) == ("machines", "warning", "")
    preposition = "on" if column == "hardware" else "with"
    expected = f"Adam+L2 and AdamW {preposition} A; SGD {preposition} B."
    assert expected in finding.text
    (finding,) = mixed(column, "B", lambda r: (r["optimizer"] == "adamw") & (r["seed"] == 1))
    assert f"AdamW {preposition} A and B" in finding.text and finding.severity == "warning"


def test_the_same_mixture_of_all_optimizers_is_a_note():
    (finding,) = mixed("hardware", "B", lambda runs: runs["seed"] == 1)
    assert (finding.kind, finding.severity) == ("rounding", "note")
    assert "on several processors: Adam+L2, AdamW and SGD on A and B." in finding.text


def test_engines_are_a_note():
    (finding,) = mixed("engine", "B", lambda runs: runs["optimizer"] == "sgd")
    assert (finding.kind, finding.severity) == ("rounding", "note")


@pytest.mark.parametrize("columns", [{}, {"torch_version": None}], ids=["equal", "imported"])
def test_no_finding(columns):
    value = "B" if columns else "A"
    assert mixed("hardware", value, lambda runs: runs["optimizer"] == "sgd", **columns) == []


def test_a_single_optimizer_has_no_comparison():
    runs, metrics = study({"adamw": 0.25}, seeds=2, lrs=(0.1,), hardware="A")
    runs.loc[runs["seed"] == 1, "hardware"] = "B"
    assert findings_of("machines", runs, metrics) == []
