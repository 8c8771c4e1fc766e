"""Describe the comparison of two optimizers as a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from scipy import stats

from adamcmp.analysis.estimates import ALPHA
from adamcmp.analysis.metrics import higher_is_better
from adamcmp.analysis.power import POWER
from adamcmp.analysis.unequal_noise import noise_note
from adamcmp.analysis.wording import (
    decimals,
    display_name,
    format_fixed,
    format_p,
    metric_phrase,
    scale,
    unit,
)

#: The largest number of seeds about which the sentence says that it is little evidence.
FEW_SEEDS = 3
#: The sentence gives also the detectable difference between the two settings if that between the
#: optimizers is more than this many times as large, because of the selection.
SELECTION_DOMINATES = 1.2
#: Training losses are reported as equal if the interval of their difference is within this share
#: of their mean.
EQUAL_TRAINING_LOSS = 0.1


def sentence(row: Mapping[str, Any]) -> str:
    """Return one comparison as a sentence: the difference, the evidence, and the seeds needed.

    >>> from adamcmp.analysis import comparisons
    >>> from adamcmp.analysis.example import example_table
    >>> row = comparisons(example_table()).iloc[0]
    >>> print(sentence(row).partition(" (")[0])
    AdamW beats Adam+L2 on test error by 2.0 points

    Args:
        row: One row of `adamcmp.analysis.comparisons`.
    """
    oriented = orient(row)
    uncertainty = _few_seeds(oriented) or noise_note(row)
    return _claim(row, oriented) + uncertainty + _notes(oriented)


def _claim(row: Mapping[str, Any], oriented: Mapping[str, Any]) -> str:
    a, b = display_name(oriented["a"]), display_name(oriented["b"])
    metric = metric_phrase(row["metric"])
    if row["evidence"] == "divergence":
        return _divergence(oriented)
    if math.isnan(row["p_value"]):
        return _without_test(row, oriented)
    ahead, evidence = _ahead(oriented), f"({_interval(oriented)}{_p_values(row)}{_look(row)})"
    if row["missing_runs"]:
        return f"Interim: {ahead} {evidence}. {interim_note(row['missing_runs'])}"
    lead = _with_unit(oriented["lead"], oriented)
    if row["better"]:
        notes = _training_loss(oriented) + _equality(oriented)
        return f"{a} beats {b} on {metric} by {lead} {evidence}{notes}."
    if row["p_choice"] < row["level"]:
        return (
            f"{ahead} {evidence}. It is not said to be better, since it diverged on "
            f"{_diverged_seeds(oriented, 'a')}, {b} on {_diverged_seeds(oriented, 'b')}."
        )
    if row["p_holm"] < row["level"]:
        return f"{ahead} {evidence}. {_selection_caveat(oriented, 'this')}."
    correction = (
        "" if row["p_value"] >= row["level"] else " after correction for several comparisons"
    )
    observed = f"{a} is ahead by {lead}" if row["estimate"] else "their means are equal"
    if row["equal"]:
        return f"{a} and {b} are equal on {metric}{_equality(oriented)}: {observed} {evidence}."
    return (
        f"No significant difference{correction} between {a} and {b} on {metric}: {observed} "
        f"{evidence}{_equality(oriented)}{_detectable(oriented)}{_more_seeds(oriented)}."
    )


def _without_test(row: Mapping[str, Any], oriented: Mapping[str, Any]) -> str:
    """Return the claim of a comparison without a p-value, and the reason."""
    a, b = display_name(row["a"]), display_name(row["b"])
    if math.isnan(row["estimate"]):
        return f"{a} and {b} cannot be compared: no run of one of them completed."
    if row["n"] == 1:
        return f"{_ahead(oriented)}, but one seed gives no interval."
    if row["estimate"] == 0:
        return f"{a} and {b} have the same {metric_phrase(row['metric'])} on all {row['n']} seeds."
    return (
        f"{_ahead(oriented)}; the runs of each have equal values, so the difference has no "
        f"interval."
    )


def _ahead(oriented: Mapping[str, Any]) -> str:
    a, b = display_name(oriented["a"]), display_name(oriented["b"])
    lead = _with_unit(oriented["lead"], oriented)
    return f"{a} is ahead of {b} on {metric_phrase(oriented['metric'])} by {lead}"


def _look(row: Mapping[str, Any]) -> str:
    """Return which look this is, and the level of its test; empty for the first look."""
    if row["missing_runs"] or row["looks"] == 1:
        return ""
    return f"; look {row['looks']}, level {row['level']:.2g}"


def orient(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a comparison with the better or leading optimizer as ``a``.

    Args:
        row: One row of `adamcmp.analysis.comparisons`.

    Returns:
        The row, with its arms exchanged if ``b`` is better or leads, and the lead and its interval,
        positive where ``a`` is ahead: ``lead``, ``low``, ``high``. The bounds are NaN for one seed.
    """
    higher = higher_is_better(row["metric"])
    a_leads = row["better"] == "a" if row["better"] else (row["estimate"] <= 0) != higher
    oriented = dict(row)
    if not a_leads:
        for key in ("", "settings_", "seeds_", "diverged_", "n_"):
            oriented[f"{key}a"], oriented[f"{key}b"] = row[f"{key}b"], row[f"{key}a"]
    bounds = sorted((row["ci_low"], row["ci_high"])) if row["n"] > 1 else (math.nan, math.nan)
    sign = 1 if a_leads == higher else -1
    low, high = sorted(sign * bound for bound in bounds)
    oriented |= {"lead": sign * row["estimate"], "low": low, "high": high}
    oriented["train_sign"] = 1 if a_leads else -1
    return oriented


def format_number(value: float, oriented: Mapping[str, Any]) -> str:
    """Return a number in its metric's unit, with the digits that the interval justifies.

    Args:
        value: The number, as a fraction where the metric is one.
        oriented: The result of `orient`, whose lead and interval are meant.
    """
    size = scale(oriented["metric"])
    if math.isnan(oriented["low"]):
        return f"{size * value:.3g}"
    return format_fixed(size * value, decimals(size * oriented["low"], size * oriented["high"]))


def _with_unit(value: float, oriented: Mapping[str, Any]) -> str:
    number, name = format_number(value, oriented), unit(oriented["metric"])
    return number + (name.removesuffix("s") if number == "1" else name)


def _divergence(oriented: Mapping[str, Any]) -> str:
    """Return that b is worse because it diverged more often, and who is ahead otherwise."""
    a, b = display_name(oriented["a"]), display_name(oriented["b"])
    p, adjusted_p = oriented["p_diverged"], oriented["p_diverged_holm"]
    adjusted = "" if p == adjusted_p else "Holm-adjusted "
    claim = (
        f"{b} is worse than {a}: it diverged on {_diverged_seeds(oriented, 'b')}, {a} on "
        f"{_diverged_seeds(oriented, 'a')} ({adjusted}{oriented['divergence_test']} "
        f"p {format_p(adjusted_p)}{_look(oriented)})."
    )
    lead, metric = oriented["lead"], metric_phrase(oriented["metric"])
    if not abs(lead) > 0:
        return claim
    ahead, size = (a if lead > 0 else b), _with_unit(abs(lead), oriented)
    completed = "Among the runs that completed"
    if oriented["paired"]:
        seeds = "the 1 seed" if oriented["n"] == 1 else f"the {oriented['n']} seeds"
        completed = f"On {seeds} on which neither diverged"
    return f"{claim} {completed}, {ahead} is ahead on {metric} by {size}."


def _diverged_seeds(oriented: Mapping[str, Any], arm: str) -> str:
    """Return on how many of its seeds an arm diverged."""
    count, seeds = oriented[f"diverged_{arm}"], oriented[f"seeds_{arm}"]
    return f"{count} of {seeds} seed{'' if seeds == 1 else 's'}" if count else "none"


def _interval(oriented: Mapping[str, Any]) -> str:
    """Return the interval of a difference and its samples, before its p-values."""
    low, high = (format_number(oriented[end], oriented) for end in ("low", "high"))
    if math.isnan(oriented["low"]):
        # With outcomes on single examples, p is not that of the sign test only.
        test = "" if _covers_examples(oriented) else "sign test "
        return f"the same on all {_seeds(oriented)}, so it has no interval; {test}"
    return f"95 % interval {low} to {high}; {_samples(oriented)}; "


def _samples(oriented: Mapping[str, Any]) -> str:
    """Return the samples that the interval covers, each with its part of the interval."""
    seeds = _seeds(oriented)
    if not _covers_examples(oriented):
        return seeds
    # The part of the examples may be 0, which needs no further decimals.
    parts = (float(oriented[part]) for part in ("ci_seeds", "ci_examples"))
    texts = (format_number(part, oriented) if part > 1e-12 else "0" for part in parts)
    return "{} ±{}, test examples ±{}".format(seeds, *texts)


def _covers_examples(row: Mapping[str, Any]) -> bool:
    return str(row["covers"]).endswith("examples")


def _seeds(row: Mapping[str, Any]) -> str:
    """Return the number of seeds; with ``data_seed=seed`` each has a training set of its own."""
    data = " and training sets" if "data" in row["covers"] else ""
    if row["paired"]:
        return f"{row['n']} paired seeds{data}"
    return f"{row['n_a']} and {row['n_b']} seeds{data}, not paired"


def _p_values(row: Mapping[str, Any]) -> str:
    plain, corrected = row["p_value"], row["p_holm"]
    if corrected == plain:
        return f"p {format_p(plain)}"
    adjusted = f"{row['adjustment']}-adjusted p {format_p(corrected)}"
    if row["better"] or plain >= row["level"]:
        return adjusted
    return f"p {format_p(plain)}, {adjusted}"


def interim_note(missing_runs: int) -> str:
    """Return that nothing is claimed while requested runs are missing.

    >>> interim_note(1)
    'Nothing is claimed before the 1 missing run has ended.'
    """
    runs = "1 missing run has" if missing_runs == 1 else f"{missing_runs} missing runs have"
    return f"Nothing is claimed before the {runs} ended."


def _training_loss(oriented: Mapping[str, Any]) -> str:
    """Return the comparison of the training losses of the same runs; empty if unknown."""
    low, high = oriented["train_low"], oriented["train_high"]
    if oriented["metric"] == "train_loss" or math.isnan(low):
        return ""
    if max(abs(low), abs(high)) <= EQUAL_TRAINING_LOSS * abs(oriented["train_mean"]):
        return ", at equal training loss"
    if low <= 0 <= high:
        return ", with no significant difference in training loss"
    lower_by = -oriented["train_sign"] * oriented["train_estimate"]
    direction = "lower" if lower_by > 0 else "higher"
    return f", with training loss {direction} by {format_fixed(abs(lower_by), decimals(low, high))}"


def _selection_caveat(oriented: Mapping[str, Any], difference: str) -> str:
    """Return the caveat that selection could explain a difference, with the seeds to add."""
    a, b = oriented["settings_a"], oriented["settings_b"]
    among = f"{a} settings each" if a == b else f"{a} and {b} settings"
    return (
        f"Selection among {among} could explain {difference}; add selection seeds, not evaluation "
        f"seeds"
    )


def _equality(oriented: Mapping[str, Any]) -> str:
    """Return whether the difference is shown to be within the margin; empty without a margin."""
    if math.isnan(oriented["margin"]):
        return ""
    within = f"within {margin_text(oriented)}"
    if not oriented["equal"]:
        return "" if oriented["better"] else f"; not shown to be equal {within}"
    adjusted = "" if oriented["p_equal"] == oriented["p_equal_holm"] else "Holm-adjusted "
    p = f"({adjusted}p of a larger difference {format_p(oriented['p_equal_holm'])})"
    return f", {within} {p}" if oriented["better"] else f" {within} {p}"


def margin_text(row: Mapping[str, Any]) -> str:
    """Return the margin of a comparison with its unit."""
    number, name = f"{scale(row['metric']) * row['margin']:g}", unit(row["metric"])
    return number + (name.removesuffix("s") if number == "1" else name)


def _detectable(oriented: Mapping[str, Any]) -> str:
    """Return the smallest difference that would probably have been significant."""
    if math.isnan(oriented["detectable"]):
        return ""
    size, settings = (
        _with_unit(oriented[name], oriented) for name in ("detectable", "detectable_settings")
    )
    if oriented["detectable"] > SELECTION_DOMINATES * oriented["detectable_settings"]:
        size += f" between the optimizers, or {settings} between these two settings,"
    return f"; a true difference of at least {size} would have been detected with 80 % power"


def _more_seeds(oriented: Mapping[str, Any]) -> str:
    """Return the number of additional seeds that would detect a difference."""
    more = oriented["seeds_needed"] - oriented["n"]
    if not more > 0:
        return ""
    target = _with_unit(oriented["settles"], oriented)
    if math.isinf(more) and _examples_outweigh(oriented):
        return (
            f". No number of seeds would detect a difference of {target}, since the test examples "
            f"vary too much; use a larger test set"
        )
    if math.isinf(more):
        same = target == _with_unit(oriented["lead"], oriented)
        return ". " + _selection_caveat(oriented, "this" if same else f"a difference of {target}")
    count = f"{'about ' if more >= 20 else ''}{_rounded(more)}"
    return f"; {count} more seed{'' if more == 1 else 's'} would detect a difference of {target}"


def _examples_outweigh(oriented: Mapping[str, Any]) -> bool:
    """Return whether the test examples alone prevent that a difference is detected."""
    if not _covers_examples(oriented):
        return False
    # In standard errors, the difference that is detected with the power is larger than half of the
    # interval by the quantile of the power.
    errors = stats.norm.ppf(1 - ALPHA / 2) + stats.norm.ppf(POWER)
    detectable = errors / stats.norm.ppf(1 - ALPHA / 2) * oriented["ci_examples"]
    return bool(oriented["settles"] < detectable)


def _rounded(count: float) -> int:
    """Return a number of seeds, exact below 20, else to the nearest 5 or two digits."""
    if count < 20:
        return int(count)
    return int(float(f"{count:.2g}") if count >= 100 else 5 * round(count / 5))


def _few_seeds(oriented: Mapping[str, Any]) -> str:
    """Return how little two or three seeds are; empty for more, and without a test."""
    n = oriented["n"]
    if n > FEW_SEEDS or math.isnan(oriented["p_value"]) or oriented["evidence"] == "divergence":
        return ""
    if oriented["better"] or not oriented["paired"]:
        return f" {n} seeds are little evidence: they cannot show whether the noise is normal."
    needed = stats.t.ppf(1 - ALPHA / 2, n - 1) / math.sqrt(n)
    return (
        f" {n} seeds are very few: a difference is significant only if it is {needed:.1f} times as "
        f"large as its standard deviation over seeds."
    )


def _notes(oriented: Mapping[str, Any]) -> str:
    """Return the caveats of a comparison: diverged runs, and seeds of the selection."""
    notes = ""
    for arm in ("a", "b"):
        count = oriented[f"diverged_{arm}"]
        if count and oriented["evidence"] != "divergence":
            excluded = "seed, which is" if count == 1 else "seeds, which are"
            notes += (
                f" {display_name(oriented[arm])} diverged on {count} {excluded} left out of the "
                f"difference."
            )
    if not oriented["fresh"]:
        notes += " Settings were selected on these same seeds."
    return notes
