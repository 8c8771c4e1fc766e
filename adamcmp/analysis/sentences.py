"""Describe the comparison of two optimizers as a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from adamcmp.analysis.needed_seeds import (
    detectable_note,
    few_seeds_note,
    more_seeds_note,
    selection_caveat,
)
from adamcmp.analysis.oriented import (
    covers_examples,
    format_number,
    margin_text,
    orient,
    with_unit,
)
from adamcmp.analysis.unequal_noise import noise_note
from adamcmp.analysis.wording import (
    decimals,
    display_name,
    format_fixed,
    format_p,
    metric_phrase,
)

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
    uncertainty = few_seeds_note(oriented) or noise_note(row)
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
    lead = with_unit(oriented["lead"], oriented)
    if row["better"]:
        notes = _training_loss(oriented) + _equality(oriented)
        return f"{a} beats {b} on {metric} by {lead} {evidence}{notes}."
    if row["p_choice"] < row["level"]:
        return (
            f"{ahead} {evidence}. It is not said to be better, since it diverged on "
            f"{_diverged_seeds(oriented, 'a')}, {b} on {_diverged_seeds(oriented, 'b')}."
        )
    if row["p_holm"] < row["level"]:
        detectable = detectable_note(oriented)
        return f"{ahead} {evidence}{detectable}. {selection_caveat(oriented, 'this')}."
    correction = (
        "" if row["p_value"] >= row["level"] else " after correction for several comparisons"
    )
    observed = f"{a} is ahead by {lead}" if row["estimate"] else "their means are equal"
    if row["equal"]:
        return f"{a} and {b} are equal on {metric}{_equality(oriented)}: {observed} {evidence}."
    return (
        f"No significant difference{correction} between {a} and {b} on {metric}: {observed} "
        f"{evidence}{_equality(oriented)}{detectable_note(oriented)}{more_seeds_note(oriented)}."
    )


def _without_test(row: Mapping[str, Any], oriented: Mapping[str, Any]) -> str:
    """Return the claim of a comparison without a p-value, and the reason."""
    a, b = display_name(row["a"]), display_name(row["b"])
    if math.isnan(row["estimate"]):
        return f"{a} and {b} cannot be compared: no run of one of them completed."
    equality = _equality(oriented)
    if row["n"] == 1:
        return f"{_ahead(oriented)}, but one seed gives no interval{equality}."
    if row["estimate"] == 0:
        equal = ", equal" if row["equal"] else ""
        metric, n = metric_phrase(row["metric"]), row["n"]
        return f"{a} and {b} have the same {metric} on all {n} seeds{equal}{equality}."
    return (
        f"{_ahead(oriented)}; the runs of each have equal values, so the difference has no "
        f"interval{equality}."
    )


def _ahead(oriented: Mapping[str, Any]) -> str:
    a, b = display_name(oriented["a"]), display_name(oriented["b"])
    lead = with_unit(oriented["lead"], oriented)
    return f"{a} is ahead of {b} on {metric_phrase(oriented['metric'])} by {lead}"


def _look(row: Mapping[str, Any]) -> str:
    """Return which look this is, and the level of its test; empty for the first look."""
    if row["missing_runs"] or row["looks"] == 1:
        return ""
    return f"; look {row['looks']}, level {row['level']:.2g}"


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
    ahead, size = (a if lead > 0 else b), with_unit(abs(lead), oriented)
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
        test = "" if covers_examples(oriented) else "sign test "
        return f"the same on all {_seeds(oriented)}, so it has no interval; {test}"
    return f"95 % interval {low} to {high}; {_samples(oriented)}; "


def _samples(oriented: Mapping[str, Any]) -> str:
    """Return the samples that the interval covers, each with its part of it, and those left out."""
    # The part of the examples may be 0, which needs no further decimals.
    parts = (float(oriented[part]) for part in ("ci_seeds", "ci_examples"))
    over_seeds, over_examples = (
        format_number(part, oriented) if abs(part) > 1e-12 else "0" for part in parts
    )
    seeds, data = _seeds(oriented), [] if "data" in oriented["covers"] else ["training data"]
    if covers_examples(oriented):
        samples, left_out = f"{seeds} ±{over_seeds}, test examples ±{over_examples}", data
    elif oriented["metric"].startswith("train"):
        samples, left_out = seeds, data
    else:
        bound = "" if math.isnan(oriented["ci_examples"]) else f" (at most ±{over_examples})"
        samples, left_out = seeds, [f"test examples{bound}", *data]
    texts = {0: "", 1: ", not {}", 2: ", neither {} nor {}"}
    return samples + texts[len(left_out)].format(*left_out)


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
