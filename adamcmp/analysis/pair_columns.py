"""The columns of one comparison, before the correction over the pairs of a problem."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from adamcmp.analysis.arms import Arm
from adamcmp.analysis.difference import Difference
from adamcmp.analysis.divergence import divergence_test
from adamcmp.analysis.improvement import probability_of_improvement
from adamcmp.analysis.looks import Looks, looks_at
from adamcmp.analysis.metrics import higher_is_better
from adamcmp.analysis.outcomes import bound_of_examples
from adamcmp.analysis.pairing import data_vary_with_seed
from adamcmp.analysis.power import detectable_difference
from adamcmp.analysis.selection_bias import (
    SelectionBias,
    debiased,
    largest_bias,
    selection_p_value,
)
from adamcmp.analysis.unequal_noise import noise_ratio
from adamcmp.analysis.wording import covered_samples
from adamcmp.storage.looks import LookRecord, seeds_text


@dataclass(frozen=True)
class Family:
    """The comparisons whose p-values are adjusted together.

    Attributes:
        problem: The problem.
        metric: The metric that is compared.
        size: The number of comparisons.
        record: The earlier looks.
    """

    problem: str
    metric: str
    size: int
    record: LookRecord


def pair_columns(
    a: Arm, b: Arm, family: Family, biases: tuple[SelectionBias, SelectionBias]
) -> dict[str, Any]:
    """Return the columns of one comparison that do not depend on the values of other pairs.

    Args:
        a: One arm.
        b: The other arm.
        family: The comparisons of which this is one.
        biases: The selection bias of each arm.

    Returns:
        Columns of `comparisons`, and those from which `corrections.correct` tests equality:
        ``error``, the standard error of the difference with the selection; ``df``, the degrees of
        freedom; ``p_sign``, the p-value of a sign test, 0 if the difference varies over seeds;
        ``selection_bias``, the largest bias of the difference.
    """
    metric = family.metric
    difference = Difference.between(a, b, metric)
    seeds = _compared_seeds(a, b, difference.paired)
    columns = {
        **{"problem": family.problem, "metric": metric, "a": a.name, "b": b.name},
        **{"n": difference.n, "compared_seeds": seeds_text(seeds)},
    }
    looks = looks_at(columns, family.record, family.size)
    missing_runs = family.record.missing_runs
    return {
        **columns,
        **{"looks": looks.number, "missing_runs": missing_runs},
        "level": 0.0 if missing_runs else looks.level,
        **_difference_columns(difference),
        **_samples(a, b, difference, metric),
        **probability_of_improvement(a, b, metric, difference.paired, higher_is_better(metric)),
        **_selection_columns(difference, biases),
        **_power_columns(difference, biases, looks, len(seeds), family.size),
        **_arm_columns(a, b),
        **_training_loss_columns(a, b),
    }


def _difference_columns(difference: Difference) -> dict[str, Any]:
    """Return the difference with its interval and test, and the values of the arms."""
    estimate, (mean_a, mean_b) = difference.estimate, difference.means
    # The same values in another order have means that differ by a rounding error.
    is_tie = math.isclose(mean_a, mean_b, rel_tol=1e-12)
    return {
        "estimate": 0.0 if is_tie else float(estimate.value),
        **{"ci_low": float(estimate.low), "ci_high": float(estimate.high)},
        **{"p_value": difference.p_value, "effect_size": difference.effect_size},
        **{"paired": difference.paired, "mean_a": mean_a, "mean_b": mean_b},
        **{"n_a": len(difference.a), "n_b": len(difference.b)},
        "noise_ratio": float(noise_ratio(difference.a, difference.b, difference.paired)),
    }


def _selection_columns(
    difference: Difference, biases: tuple[SelectionBias, SelectionBias]
) -> dict[str, Any]:
    """Return the test of the difference, and its error, with selection bias accounted for."""
    p_values = [selection_p_value(e, *biases) for e in difference.required_estimates]
    return {
        "p_choice": max(map(float, p_values)),
        **_equality_columns(difference, biases),
        "selection_bias": largest_bias(*biases),
    }


def _equality_columns(
    difference: Difference, biases: tuple[SelectionBias, SelectionBias]
) -> dict[str, float]:
    """Return the columns from which equality is tested.

    A difference that is the same on all n seeds has a sign test: if the median difference were at
    least the margin, all seeds would be below it with a probability of at most 2^-n. It must also
    be within the margin by its variance due to the test examples and the selection.
    """
    if not difference.has_no_spread:
        df = float(difference.estimate.df)
        return {"error": _error(difference, biases), "df": df, "p_sign": 0.0}
    examples = difference.examples.variance if difference.examples else 0.0
    error = math.sqrt(examples + _selection_variance(biases))
    return {"error": error, "df": math.inf, "p_sign": 0.5**difference.n}


def _error(difference: Difference, biases: tuple[SelectionBias, SelectionBias]) -> float:
    """Return the standard error of a difference with the variance due to selection."""
    return math.sqrt(float(difference.estimate.error) ** 2 + _selection_variance(biases))


def _selection_variance(biases: tuple[SelectionBias, SelectionBias]) -> float:
    return float(np.add(biases[0].variance, biases[1].variance))


def _power_columns(
    difference: Difference,
    biases: tuple[SelectionBias, SelectionBias],
    looks: Looks,
    seeds: int,
    comparisons: int,
) -> dict[str, Any]:
    """Return the seeds that would detect the difference, and what these seeds detect.

    Args:
        difference: The difference.
        biases: The selection bias of each arm.
        looks: The looks at the comparison.
        seeds: The number of compared seeds.
        comparisons: The number of comparisons, for the strictest level of Holm's correction.
    """
    estimate = difference.estimate
    seeds_needed, settles = difference.seeds_needed(
        lambda n: looks.next_level(n * seeds // difference.n) / comparisons,
        min(float(debiased(estimate, *biases)), abs(float(estimate.value))),
        _selection_variance(biases),
    )
    alpha, df = looks.next_level(seeds) / comparisons, float(estimate.df)
    return {
        **{"seeds_needed": seeds_needed, "settles": settles},
        "detectable": detectable_difference(_error(difference, biases), df, alpha),
        "detectable_settings": detectable_difference(float(estimate.error), df, alpha),
    }


def _arm_columns(a: Arm, b: Arm) -> dict[str, Any]:
    """Return the settings, the seeds, and the diverged runs of the arms."""
    divergence = divergence_test(a, b)
    return {
        "fresh": a.fresh and b.fresh,
        **{"setting_a": a.setting, "setting_b": b.setting},
        **{"settings_a": a.settings, "settings_b": b.settings},
        **{"seeds_a": len(a.reported), "seeds_b": len(b.reported)},
        **{"diverged_a": a.diverged, "diverged_b": b.diverged},
        **{"divergence_test": divergence.name, "p_diverged": divergence.p_value},
    }


def _training_loss_columns(a: Arm, b: Arm) -> dict[str, Any]:
    """Return the difference of the final training losses."""
    train = Difference.between(a, b, "train_loss")
    return {
        "train_estimate": float(train.estimate.value),
        **{"train_low": float(train.estimate.low), "train_high": float(train.estimate.high)},
        "train_mean": sum(train.means) / 2,
    }


def _compared_seeds(a: Arm, b: Arm, paired: bool) -> set[int]:
    """Return the seeds of the reported runs, including those that diverged."""
    first, second = (set(map(int, arm.reported.index)) for arm in (a, b))
    return first & second if paired else first | second


def _samples(a: Arm, b: Arm, difference: Difference, metric: str) -> dict[str, Any]:
    """Return the samples that the interval of a difference covers, with the part of each."""
    over_seeds, examples = difference.over_seeds, difference.examples
    data = all(data_vary_with_seed(arm.reported) for arm in (a, b))
    if examples is None:
        part = bound_of_examples(a.reported, b.reported, metric)
    else:
        part = examples.half_width
    covers = covered_samples(data=data, examples=examples is not None)
    seeds = float(over_seeds.high - over_seeds.low) / 2
    return {"covers": covers, "ci_seeds": seeds, "ci_examples": part}
