"""Sentences of the result."""

import json
import math

import pytest

from adamcmp.inspection.arguments import DecayArgument
from adamcmp.inspection.decay import Decay
from adamcmp.inspection.report import (
    Inspection,
    confidence_of,
    limits,
    share_formula,
    warnings_of,
)
from adamcmp.inspection.rule_probes import UpdateRule

KNOWN = {"lr_exponent": 1.0, "schedule_exponent": 1.0}


def test_formulas_of_shares():
    decay = Decay("decoupled", 0.1, gradient_exponent=-1, weights_exponent=0.5, **KNOWN)
    assert share_formula(decay) == "wd·lr·s_t·|g|^-1·‖θ‖^½"


@pytest.mark.parametrize(
    ("decay", "difference", "confidence"),
    [
        (Decay("l2", 0.1), 0.05, "high"),
        (Decay("l2", 0.1), 0.5, "medium"),
        (Decay("decoupled", 0.1, **KNOWN), None, "high"),
        (Decay("decoupled", 0.1), 1e-9, "medium"),
        (Decay("decoupled", 0.1, exact=False, **KNOWN), 1e-9, "high"),
        (Decay("decoupled", 0.1, exact=False, **KNOWN), 0.5, "low"),
    ],
)
def test_confidence(decay, difference, confidence):
    assert confidence_of(decay, difference) == confidence


def test_limits():
    rule = UpdateRule(gradient_exponent=0.0, sign=False)
    texts = [*limits(Decay("decoupled", 0.1), rule, 0.5, "float32")]
    assert [text.split(":")[0] for text in texts] == [
        "whether lr multiplies the decay",
        "whether schedules multiply the decay",
        "where ε is",
        "whether averages are corrected for their start at 0",
        "small effects",
    ]
    assert [*limits(Decay("decoupled", 0.1, **KNOWN), rule, 1e-9, "float64")] == []


def test_warnings():
    argument = DecayArgument("wd", 0.1, 2.0, True)
    decay = Decay("decoupled", 0.2, exact=False, accumulates=True, **KNOWN)
    texts = [*warnings_of(decay, argument, ["eps"], {"eps": 1e-8})]
    assert texts[0] == "eps=1e-08 has no effect: the value is accepted and never applied."
    assert texts[1] == "The coefficient is 2 times wd."
    assert "after the rule's step" in texts[2]
    assert "entered a momentum" in texts[3]
    assert texts[4] == "No coupling of adamcmp is this decay; decoupled is the most similar."
    assert [*warnings_of(Decay("none"), None, [], {})] == []


def inspection(decay):
    return Inspection(
        target="x", settings={}, lr=0.1, coupling=decay.coupling, exact=decay.exact,
        coefficient=decay.strength, decay=decay, argument=None, rule=UpdateRule(),
        nearest=("optimizer=sgd",), difference=0.5, confidence="low", cannot_tell=(), warnings=(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("decay", "formula"),
    [
        (Decay("decoupled", 0.1, cautious=True, **KNOWN), "θ ← θ − s_t·lr·wd·θ where θ agrees in sign with the step"),
        (Decay("l2", 0.1), "g ← g + wd·θ before the update rule"),
        (Decay("l2", exact=False), "the effect of the weights has none of the known forms"),
        (Decay("norm", exact=False, norm_of="rows"), "no step changes the norm of the weights in its rows"),
    ],
)  # fmt: skip
def test_formulas(decay, formula):
    assert inspection(decay).formula == formula


def test_json_has_no_nan():
    decay = Decay("decoupled", 0.1, exact=False, lr_exponent=math.nan, schedule_exponent=1.0)
    values = json.loads(json.dumps(inspection(decay).as_dict(), allow_nan=False))
    assert values["decay"]["lr_exponent"] is None
    assert values["coupling"] == "decoupled"
