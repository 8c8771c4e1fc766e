"""What a recorded rule sums, against hand-made steps."""

import pytest
import torch

from adamcmp.config import build_component
from adamcmp.experiments.recording import RecordedRule, recorded, recording

HYPERS = {"lr": 0.1, "weight_decay": 0.5, "multiplier": 0.5, "momentum": 0.5}


def sgd(**settings):
    return build_component("optimizer", {"name": "sgd", "rule": "sgd", "lr": 0.1, **settings})


def sums(rule, grads, theta):
    without_decay = rule.chain(decays=False)
    chain = recording(rule.chain(), without_decay)
    params = {"w": torch.tensor([theta]).double()}
    hypers = {name: torch.tensor(value).double() for name, value in HYPERS.items()}
    state, steps = chain.init(params), []
    for step, g in enumerate(grads, start=1):
        grad = {"w": torch.tensor([g]).double()}
        updates, state = chain.update(grad, state, params, hypers, torch.tensor(float(step)))
        steps.append(updates["w"].item())
    return steps, {name: state[name]["w"].item() for name in ("change", "square", "gradient")}


def test_decoupled_decay_changes_each_step_by_lr_wd_theta():
    steps, measured = sums(
        sgd(coupling="decoupled", weight_decay=0.5, momentum=0.0), [1.0, 3.0], 2.0
    )
    # −s·lr·(g + wd·θ) with s = 0.5
    assert steps == pytest.approx([-0.05 * 2, -0.05 * 4], rel=1e-6)
    assert measured["change"] == pytest.approx(2 * 0.05 * 0.5 * 2.0 * 2.0, rel=1e-6)
    assert measured["square"] == pytest.approx(2 * 0.5 * 4.0)
    assert measured["gradient"] == pytest.approx(10)


def test_with_momentum_the_penalty_of_former_steps_counts():
    _, measured = sums(sgd(coupling="l2", weight_decay=0.5, momentum=0.5), [1.0, 3.0], 2.0)
    # The buffer holds wd·θ after the first step and 1.5·wd·θ after the second.
    assert measured["change"] == pytest.approx(0.05 * 2.5 * 0.5 * 2.0 * 2.0, rel=1e-6)


def test_a_recorded_run_has_the_settings_of_the_rule(specs):
    (spec,) = specs(["dataset=teacher", "optimizer=adamw", "wd=0.3"])
    run = recorded(spec, spec.config.optimizer)
    optimizer = run.config.optimizer
    assert isinstance(optimizer, RecordedRule)
    assert optimizer.concatenates is spec.config.optimizer.concatenates
    assert optimizer.hypers() == spec.config.optimizer.hypers()
    assert optimizer.transformations() and optimizer.structure()[0] == "recorded"
