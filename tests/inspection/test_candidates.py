"""The rules as candidates."""

import torch

from adamcmp.components.optimizers import Rule
from adamcmp.config import CONFIG_GROUPS
from adamcmp.inspection.candidates import build_rule, candidates, trajectory, updates_at_zero
from adamcmp.inspection.problem import random_gradients, weights
from adamcmp.inspection.rule_subject import RuleSubject


def test_all_rules_with_their_options():
    rules = [*candidates(0.1, {})]
    group = CONFIG_GROUPS["optimizer"]
    names = {name for name in group.names if issubclass(group.component(name), Rule)}
    assert {rule.rule for rule in rules} == names
    assert {rule.amsgrad for rule in rules if rule.rule == "adam"} == {False, True}
    assert {rule.momentum for rule in rules if rule.rule == "sgd"} == {0.0, 0.9}
    assert all(rule.lr == 0.1 and rule.coupling == "none" for rule in rules)
    assert next(r for r in rules if r.rule == "rmsprop") == build_rule("rmsprop", 0.1, {})


def test_given_settings():
    rules = [*candidates(0.1, {"momentum": 0.5, "nesterov": True, "weight_decay": 0.3})]
    assert {(r.momentum, r.nesterov) for r in rules if r.rule == "sgd"} == {(0.5, True)}
    assert all(rule.weight_decay == 0 for rule in rules)


def test_updates():
    rule, gradients = build_rule("adam", 0.1, {}), random_gradients((4, 4), 5)
    subject = RuleSubject({"name": "x", "rule": "adam", "coupling": "none"}, {"lr": 0.1})
    multipliers = (1.0, 1.0, 0.5, 0.5, 0.25)
    moving = subject.updates(weights((4, 4)), gradients, multipliers, free=True)
    torch.testing.assert_close(trajectory(rule, gradients, multipliers), moving)
    at_zero = subject.updates(torch.zeros(4, 4), gradients, multipliers)
    torch.testing.assert_close(updates_at_zero(rule, gradients, multipliers), at_zero)
