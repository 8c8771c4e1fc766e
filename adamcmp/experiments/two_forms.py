"""Train the L2 form and the decoupled form of an optimizer: the same rule, decayed in two ways.

All runs of an optimizer have the same initial weights and the same batches.

Shapes: M runs, K steps at which weights are compared, P weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from adamcmp.components.optimizers import Rule
from adamcmp.config import Composer
from adamcmp.errors import ConfigError
from adamcmp.experiments.decay_per_weight import DecayPerWeight
from adamcmp.experiments.distances import (
    Coefficients,
    FormDistances,
    compared_steps,
    form_distances,
)
from adamcmp.experiments.long_run_gain import long_run_gain
from adamcmp.experiments.optimizer_choice import OptimizerChoice, run_spec
from adamcmp.experiments.recording import SUMS, recorded
from adamcmp.planning.specs import RunSpec
from adamcmp.training.checks import check_run
from adamcmp.training.trajectories import follow, fuses, step_count, weights

COUPLING, WD = "optimizer.coupling", "optimizer.weight_decay"
#: The optimizers that are compared if none is named: SGD; momentum with lr outside the buffer and
#: inside it (Loshchilov & Hutter 2019, Algorithm 1), as an exponential average, and Nesterov's;
#: adaptive rules.
OPTIMIZERS = (
    *("sgd:momentum=0", "sgd:momentum=0.9", "sgd:lr_in_momentum=true"),
    *("sgd:average=true", "sgd:nesterov=true"),
    *("rmsprop", "adagrad", "adam", "amsgrad", "lion"),
)
#: A network and a length with which all of them are compared in seconds.
DEFAULTS = {"model.width": "32", "batch_size": "64", "steps": "200", WD: "0.01"}
#: Overrides that replace one of these defaults under another key.
REPLACED = {"model": "model.width", "epochs": "steps"}
#: Factors of the matched coefficient of decoupled decay.
FACTORS = tuple(2.0**k for k in range(-3, 12))


@dataclass(frozen=True)
class Forms:
    """The runs of the two forms of an optimizer, with the same wd.

    Attributes:
        optimizer: The optimizer.
        l2: The run of the L2 form.
        decoupled: The run of the decoupled form.
    """

    optimizer: OptimizerChoice
    l2: RunSpec
    decoupled: RunSpec


@dataclass(frozen=True)
class FormComparison:
    """What was measured of the two forms of an optimizer.

    Attributes:
        distances: How far apart their weights are.
        l2: The measured decay of each weight in the L2 form.
        decoupled: The same in the decoupled form with the matched coefficient.
    """

    distances: FormDistances
    l2: DecayPerWeight
    decoupled: DecayPerWeight


def with_defaults(overrides: Mapping[str, str]) -> dict[str, str]:
    """Return overrides with the defaults of this experiment.

    >>> with_defaults({"model": "logistic", "epochs": "1"})
    {'batch_size': '64', 'optimizer.weight_decay': '0.01', 'model': 'logistic', 'epochs': '1'}
    """
    replaced = {REPLACED.get(key, key) for key in overrides}
    return {k: v for k, v in DEFAULTS.items() if k not in replaced} | dict(overrides)


def compose_forms(
    composer: Composer, optimizer: OptimizerChoice, settings: Mapping[str, str]
) -> Forms:
    """Compose the runs of both forms.

    Args:
        composer: Composes them.
        optimizer: The optimizer.
        settings: Values of further overrides, by their keys.

    Raises:
        ConfigError: If a setting is invalid, or the optimizer does not have both forms.
    """
    typed = {**settings, **optimizer.settings}
    if COUPLING in typed:
        raise ConfigError(
            f"coupling={typed[COUPLING]}: each optimizer is trained with coupling=l2 and with "
            f"coupling=decoupled. Leave it out."
        )
    if not isinstance(_rule(run_spec(composer, optimizer.name, typed, {WD: "0"})), Rule):
        raise ConfigError(
            f"{optimizer.text}: the coupling of a torch.optim class cannot be chosen. Name a rule "
            f"of adamcmp, such as {OPTIMIZERS[-1]}; `adamcmp components optimizer` lists them."
        )
    l2, decoupled = (
        run_spec(composer, optimizer.name, typed, {COUPLING: coupling})
        for coupling in ("l2", "decoupled")
    )
    check_run(l2.config)
    return Forms(optimizer, l2, decoupled)


def compare_forms(forms: Forms) -> FormComparison:
    """Train both forms of an optimizer, and compare them.

    Raises:
        ConfigError: If the L2 form diverges, or the decay has no effect.
    """
    rule = _rule(forms.l2)
    gain = long_run_gain(rule)
    matched = rule.weight_decay * (gain or 1.0)
    others = [factor * matched for factor in FACTORS]
    coefficients = Coefficients(rule.weight_decay, gain, matched, np.array(others))
    steps = compared_steps(step_count(forms.l2))
    l2_MKP, l2_sums = _train(forms.l2, [rule.weight_decay], steps)
    decoupled_MKP, decoupled_sums = _train(forms.decoupled, [0.0, matched, *others], steps)
    distances = form_distances(
        forms.optimizer, rule.lr, coefficients, steps, l2_MKP[0], decoupled_MKP
    )
    _check_effect(distances, rule)
    return FormComparison(
        distances,
        _decay_per_weight(forms.optimizer, "l2", l2_sums, 0, steps[-1]),
        _decay_per_weight(forms.optimizer, "decoupled", decoupled_sums, 1, steps[-1]),
    )


def _rule(spec: RunSpec) -> Rule:
    return spec.config.optimizer  # type: ignore[return-value]


def _train(
    form: RunSpec, wds: Sequence[float], steps: Sequence[int]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Train a form with several coefficients.

    Returns:
        The weights after these steps (M, K, P), and `SUMS` after the last step, each (M, P).
    """
    rules = [_rule(form).model_copy(update={"weight_decay": wd}) for wd in wds]
    specs = [recorded(form, rule) for rule in rules]
    paths, sums = [], []
    for batch in [specs] if fuses(form) else [[spec] for spec in specs]:
        path = []
        for lanes in follow(batch, steps):
            path.append(weights(lanes))
        paths.append(torch.stack(path, dim=1))
        groups = lanes.state["optimizer"]
        sums.append({name: torch.cat([_flat(g[name]) for g in groups], 1) for name in SUMS})
    return torch.cat(paths), {name: torch.cat([each[name] for each in sums]) for name in SUMS}


def _flat(tree: Mapping[str, Tensor]) -> Tensor:
    return torch.cat([tensor.flatten(1) for tensor in tree.values()], dim=1)


def _decay_per_weight(
    optimizer: OptimizerChoice, form: str, sums: Mapping[str, Tensor], run: int, steps: int
) -> DecayPerWeight:
    change, square, gradient = (sums[name][run].numpy() for name in SUMS)
    return DecayPerWeight(optimizer, form, np.sqrt(gradient / steps), change, square)


def _check_effect(distances: FormDistances, rule: Rule) -> None:
    """Check that there is something to compare.

    Raises:
        ConfigError: If the weights of the L2 form are not finite, or do not differ from those
            without weight decay.
    """
    setting = f"{distances.optimizer.text} with lr={rule.lr:g} and wd={rule.weight_decay:g}"
    if not np.isfinite(distances.distance[-1]):
        raise ConfigError(f"{setting}: training diverges. Choose a smaller lr or wd.")
    if not distances.has_effect:
        raise ConfigError(
            f"{setting}: the weights hardly differ from those without weight decay, so there is "
            f"nothing to compare. Choose a larger wd, a larger lr or more steps."
        )
