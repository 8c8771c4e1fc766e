"""What the comparisons say, in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from adamcmp.stats.choice import higher_is_better
from adamcmp.stats.estimates import ALPHA

#: What optimizers are called in print.
NAMES = {
    "adam": "Adam",
    "adam_l2": "Adam+L2",
    "adamw": "AdamW",
    "amsgrad": "AMSGrad",
    "amsgradw": "AMSGradW",
    "sgd": "SGD",
    "sgdw": "SGDW",
}
#: Training losses are called equal where the interval of their difference lies within this share
#: of their mean.
EQUAL = 0.1


@dataclass(frozen=True)
class Verdict:
    """What can be said of one problem.

    Attributes:
        problem: The dataset and model.
        overall: Which optimizer is best, and which cannot be told from it.
        pairs: A sentence per pair of optimizers, those with a difference first.
    """

    problem: str
    overall: str
    pairs: tuple[str, ...]


def display_name(optimizer: str) -> str:
    """Return what an optimizer is called in print: ``Adam+L2`` for ``adam_l2``.

    What tells variants apart stays: ``SGD (independent)``; others are called what they are.
    """
    name, space, variant = optimizer.partition(" ")
    return NAMES.get(name, name) + space + variant


def verdicts(table: pd.DataFrame) -> list[Verdict]:
    """Return what comparisons say, per problem.

    Args:
        table: What `adamcmp.stats.comparisons` returned.
    """
    found = []
    for problem, group in table.groupby("problem", sort=False):
        rows = [{str(k): v for k, v in row.items()} for row in group.to_dict("records")]
        rows.sort(key=lambda row: (row["better"] == "", row["p_holm"]))
        found.append(Verdict(str(problem), _overall(rows), tuple(map(sentence, rows))))
    return found


def _overall(rows: list[dict[str, Any]]) -> str:
    """Return which optimizer of one problem is best, and which cannot be told from it."""
    leads: dict[str, float] = {}
    sign = 1 if higher_is_better(rows[0]["metric"]) else -1
    for row in rows:
        lead = 0.0 if math.isnan(row["estimate"]) else sign * row["estimate"]
        leads[row["a"]] = leads.get(row["a"], 0.0) + lead
        leads[row["b"]] = leads.get(row["b"], 0.0) - lead
    first = max(leads, key=lambda name: leads[name])
    others: dict[str, list[str]] = {"beaten": [], "level": [], "ahead": []}
    for row in rows:
        if first in (row["a"], row["b"]):
            other = row["b"] if row["a"] == first else row["a"]
            outcome = "level" if not row["better"] else "ahead"
            others["beaten" if row["better"] and row[row["better"]] == first else outcome].append(
                display_name(other)
            )
    name, on = display_name(first), phrase(rows[0]["metric"])
    beats = f"it beats {_listed(others['beaten'])}" if others["beaten"] else "it beats none"
    unsure = [*others["level"], *others["ahead"]]
    if not unsure:
        return f"{name} is best on {on}: {beats}."
    if not others["beaten"]:
        return (
            f"No best optimizer on {on}: {name} leads, but cannot be told from {_listed(unsure)}."
        )
    return f"{name} leads on {on}: {beats}, but cannot be told from {_listed(unsure)}."


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def sentence(row: Mapping[str, Any]) -> str:
    """Return what one comparison says: who beats whom by how much, or what would settle it.

    Args:
        row: One row of `adamcmp.stats.comparisons`.
    """
    ahead = _facing(row, _leader(row))
    a, b, on = display_name(ahead["a"]), display_name(ahead["b"]), phrase(row["metric"])
    if math.isnan(row["estimate"]):
        return f"{a} and {b} cannot be compared: no run of one of them ended." + _notes(ahead)
    lead = f"{number(ahead['lead'], ahead)}{unit(row['metric'])}"
    if math.isnan(row["ci_low"]):
        why = "one seed" if row["n"] == 1 else f"the difference is the same on {row['n']} seeds"
        return f"{a} is ahead of {b} on {on} by {lead}, but {why}: no interval." + _notes(ahead)
    evidence = f"(95 % interval {interval(ahead)}; {_seeds(row)}; {_p(row)})"
    if row["better"]:
        return f"{a} beats {b} on {on} by {lead} {evidence}{_training(ahead)}." + _notes(ahead)
    if row["p_choice"] < ALPHA:
        return f"{a} is ahead of {b} on {on} by {lead} {evidence}, but diverged more often." + (
            _notes(ahead)
        )
    if row["p_holm"] < ALPHA:
        return (
            f"{a} is ahead of {b} on {on} by {lead} {evidence}, but no more than luck in choosing "
            f"settings can give ({ahead['settings_a']} settings against {ahead['settings_b']})."
        ) + _notes(ahead)
    none = "No detectable difference" if row["p_value"] >= ALPHA else "No difference after Holm"
    return f"{none} between {a} and {b} on {on} {evidence}{_more(row)}." + _notes(ahead)


def _leader(row: Mapping[str, Any]) -> str:
    lower = row["estimate"] <= 0
    return "a" if lower != higher_is_better(row["metric"]) else "b"


def _facing(row: Mapping[str, Any], first: str) -> dict[str, Any]:
    """Return a row with `first` as a, and ``lead``, ``low``, ``high``: by how much it is better."""
    turned = dict(row)
    if first == "b":
        for key in ("", "settings_", "diverged_", "mean_"):
            turned[f"{key}a"], turned[f"{key}b"] = row[f"{key}b"], row[f"{key}a"]
    bounds = sorted((row["ci_low"], row["ci_high"])) if row["n"] > 1 else (math.nan, math.nan)
    sign = 1 if (first == "a") == higher_is_better(row["metric"]) else -1
    low, high = sorted(sign * bound for bound in bounds)
    turned |= {"lead": sign * row["estimate"], "low": low, "high": high}
    turned["train_sign"] = 1 if first == "a" else -1
    return turned


def phrase(metric: str) -> str:
    """Return a metric in words."""
    return metric.replace("gap_", "gap in ").replace("_", " ")


def unit(metric: str) -> str:
    """Return the unit that `number` gives a metric: points (hundredths) of fractions."""
    return " points" if _hundredths(metric) else ""


def _hundredths(metric: str) -> bool:
    return metric.endswith(("error", "accuracy"))


def digits(low: float, high: float) -> int:
    """Return the decimals that an interval's width bears: one or two digits of its half."""
    half = (high - low) / 2
    if not math.isfinite(half) or half <= 0:
        return 3
    return max(0, -math.floor(math.log10(half / 3)))


def number(value: float, ahead: Mapping[str, Any]) -> str:
    """Return a number in its metric's unit, with the digits that its interval bears."""
    scale = 100 if _hundredths(ahead["metric"]) else 1
    places = digits(scale * ahead["low"], scale * ahead["high"])
    if math.isnan(ahead["low"]):
        return f"{scale * value:.3g}".replace("-", "−")
    return fixed(scale * value, places)


def fixed(value: float, places: int) -> str:
    """Return a number with some decimals, more where it would read 0, and a true minus sign."""
    while value and round(value, places) == 0 and places < 9:
        places += 1
    return f"{round(value, places) + 0.0:.{places}f}".replace("-", "−")


def interval(ahead: Mapping[str, Any]) -> str:
    """Return an interval's ends."""
    return f"{number(ahead['low'], ahead)} to {number(ahead['high'], ahead)}"


def _seeds(row: Mapping[str, Any]) -> str:
    return f"{row['n']} paired seeds" if row["paired"] else f"{row['n']} seeds or more, not paired"


def _p(row: Mapping[str, Any]) -> str:
    plain, corrected = row["p_value"], row["p_holm"]
    if corrected == plain:
        return f"p {p_text(plain)}"
    told = f"p {p_text(corrected)} after Holm"
    return told if row["better"] or plain >= ALPHA else f"p {p_text(plain)} before, {told}"


def p_text(p: float) -> str:
    """Return a p-value as text: ``= 0.004``, ``< 0.001``."""
    if p < 0.001:
        return "< 0.001"
    if p >= 0.1:
        return f"= {p:.2f}"
    return f"= {p:.2g}" if 0.045 <= p < 0.055 else f"= {p:.1g}"


def _training(ahead: Mapping[str, Any]) -> str:
    """Return what the same runs' training losses say, where they can be compared."""
    low, high = ahead["train_low"], ahead["train_high"]
    if ahead["metric"] == "train_loss" or math.isnan(low):
        return ""
    if max(abs(low), abs(high)) <= EQUAL * ahead["train_mean"]:
        return ", at equal training loss"
    if low <= 0 <= high:
        return ", with no detectable difference in training loss"
    less = -ahead["train_sign"] * ahead["train_estimate"]
    places = digits(low, high)
    return f", with training loss {'lower' if less > 0 else 'higher'} by {fixed(abs(less), places)}"


def _more(row: Mapping[str, Any]) -> str:
    """Return how many more seeds would settle which difference."""
    more = row["seeds_needed"] - row["n"]
    if not more > 0:
        return ""
    rounded = int(
        more if more < 20 else float(f"{more:.2g}") if more >= 100 else 5 * round(more / 5)
    )
    scale = 100 if _hundredths(row["metric"]) else 1
    places = digits(scale * row["ci_low"], scale * row["ci_high"])
    size = fixed(scale * row["settles"], places)
    about = "about " if more >= 20 else ""
    more_seeds = f": {about}{rounded:.0f} more seeds would settle a difference of "
    return f"{more_seeds}{size}{unit(row['metric'])}"


def _notes(ahead: Mapping[str, Any]) -> str:
    """Return what else a reader must know: runs that diverged, seeds that also chose."""
    notes = ""
    for side in ("a", "b"):
        if ahead[f"diverged_{side}"]:
            notes += f" {display_name(ahead[side])} diverged on {ahead[f'diverged_{side}']} seeds, "
            notes += "which are left out."
    if not ahead["fresh"]:
        notes += " Settings were chosen on these same seeds."
    return notes
