"""Rules that lose to their special case."""

import pandas as pd
import pytest

from adamcmp.analysis import RunTable
from adamcmp.analysis.audit.special_cases import check
from adamcmp.config import Composer, Numerics
from adamcmp.planning.specs import RunSpec
from tests.support.audited import study


def audited(runs, metrics):
    """Return the findings of this check."""
    return list(check(RunTable.from_frames(runs, metrics)))


@pytest.mark.parametrize(
    ("general", "special", "setting"),
    [("amsgradw", "adamw", "amsgrad"), ("adamw", "adam", "wd"), ("adam_l2", "adam", "wd")],
)
def test_a_rule_cannot_lose_to_its_special_case(general, special, setting):
    (finding,) = audited(*study({general: 0.3, special: 0.2}))
    assert finding.kind == "special case" and f"({setting} is off)" in finding.text
    assert audited(*study({general: 0.2, special: 0.3})) == []
    assert audited(*study({general: 0.2, special: 0.2})) == []


def test_momentum_cannot_lose_to_none():
    runs, metrics = study({"sgd": 0.3, "plain": 0.2})
    runs["optimizer.momentum"] = runs["optimizer"].map({"sgd": 0.9, "plain": 0.0})
    runs["rule"], runs["coupling"] = "sgd", "l2"
    (finding,) = audited(runs, metrics)
    assert finding.kind == "special case" and "(momentum is off)" in finding.text


def shipped(runs, optimizer, *overrides):
    """Runs with the columns that an optimizer of `adamcmp` has."""
    (config,) = Composer().run([f"optimizer={optimizer}", *overrides]).runs
    columns = RunSpec.of(config, Numerics()).columns()
    names = [c for c in columns if c.startswith("optimizer.")] + ["optimizer", "rule", "coupling"]
    return runs.assign(**{c: pd.Series([columns[c]] * len(runs), runs.index) for c in names})


@pytest.mark.parametrize(
    ("general", "special"), [("amsgrad", "adam_l2"), ("amsgradw", "adamw"), ("sgdw", "sgdw-plain")]
)
def test_shipped_rules_and_their_special_cases(general, special):
    plain = ["optimizer.momentum=0"] if "-plain" in special else []
    overrides = {general: ["wd=0.1"], special: ["wd=0.1", *plain]}
    for errors, actual in (((0.3, 0.2), {"special case"}), ((0.2, 0.3), set())):
        runs, metrics = study(dict(zip((general, special), errors, strict=True)))
        parts = [
            shipped(runs[runs["optimizer"] == o], o.split("-")[0], *overrides[o]).assign(
                optimizer=o
            )
            for o in overrides
        ]
        assert {finding.kind for finding in audited(pd.concat(parts), metrics)} == actual


@pytest.mark.parametrize(
    ("optimizer", "on", "off"),
    [
        ("sgd", "optimizer.momentum=0.9", "optimizer.momentum=0"),
        ("sgdw", "optimizer.nesterov=true", "optimizer.nesterov=false"),
        ("adam_l2", "optimizer.amsgrad=true", "optimizer.amsgrad=false"),
    ],
)
def test_a_setting_of_one_optimizer_cannot_lose_to_its_neutral_value(optimizer, on, off):
    setting = on.partition("=")[0].rpartition(".")[2]
    for errors, actual in (((0.3, 0.2), [setting]), ((0.2, 0.3), []), ((0.2, 0.2), [])):
        runs, metrics = study(dict(zip(("on", "off"), errors, strict=True)))
        overrides = {"on": on, "off": off}
        parts = [shipped(runs[runs["optimizer"] == o], optimizer, overrides[o]) for o in overrides]
        findings = audited(pd.concat(parts), metrics)
        assert [f.kind for f in findings] == ["special case"] * len(actual)
        assert all(f"with {setting} is worse than its special case" in f.text for f in findings)


def test_rules_that_are_unknown_have_no_special_case():
    runs, metrics = study({"adamw": 0.3, "adam": 0.2})
    assert audited(runs.assign(rule=None, coupling=None), metrics) == []


def test_another_coupling_is_no_special_case():
    assert audited(*study({"amsgradw": 0.3, "adam_l2": 0.2})) == []
