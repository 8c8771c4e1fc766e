"""What the comparisons say, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from adamcmp.analysis.estimates import ALPHA
from adamcmp.analysis.selection import higher_is_better
from adamcmp.analysis.wording import (
    digits,
    display_name,
    fixed,
    listed,
    p_text,
    phrase,
    scale,
    unit,
)

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


def verdicts(table: pd.DataFrame) -> list[Verdict]:
    """Return what comparisons say, per problem.

    Args:
        table: What `adamcmp.analysis.comparisons` returned.
    """
    found = []
    for problem, group in table.groupby("problem", sort=False):
        rows = [{str(k): v for k, v in row.items()} for row in group.to_dict("records")]
        rows.sort(key=lambda row: (row["better"] == "", math.isnan(row["p_holm"]), row["p_holm"]))
        found.append(Verdict(str(problem), _overall(rows), tuple(map(sentence, rows))))
    return found


def _overall(rows: list[dict[str, Any]]) -> str:
    """Return which optimizer of one problem is best, and which cannot be told from it."""
    first, ended = _first(rows)
    others: dict[str, list[str]] = {"beaten": [], "level": [], "lost": []}
    same = True
    for row in rows:
        if first in (row["a"], row["b"]):
            other = row["b"] if row["a"] == first else row["a"]
            wins = bool(row["better"]) and row[row["better"]] == first
            outcome = "beaten" if wins else "level" if other in ended else "lost"
            others[outcome].append(display_name(other))
            same &= outcome == "lost" or row["estimate"] == 0
    name, on = display_name(first), phrase(rows[0]["metric"])
    none = f" No run of {listed(others['lost'])} ended." if others["lost"] else ""
    beats = f"it beats {listed(others['beaten'])}" if others["beaten"] else ""
    level = f"cannot be told from {listed(others['level'])}.{none}" if others["level"] else ""
    if level and beats:
        return f"{name} leads on {on}: {beats}, but {level}"
    if level and same:
        return f"No best optimizer on {on}: {listed([name, *others['level']])} are the same.{none}"
    if level:
        return f"No best optimizer on {on}: {name} leads, but {level}"
    return f"{name} is best on {on}: {beats}.{none}" if beats else f"Nothing to compare.{none}"


def _first(rows: list[dict[str, Any]]) -> tuple[str, set[str]]:
    """Return the optimizer that leads the others by most in sum, and those with runs that ended.

    One that another beats does not lead.
    """
    sign = 1 if higher_is_better(rows[0]["metric"]) else -1
    leads: dict[str, float] = {}
    ended, beaten = set(), set()
    for row in rows:
        lead = 0.0 if math.isnan(row["estimate"]) else sign * row["estimate"]
        for side, own in (("a", lead), ("b", -lead)):
            leads[row[side]] = leads.get(row[side], 0.0) + own
            if row[f"n_{side}"]:
                ended.add(row[side])
            if row["better"] and row["better"] != side:
                beaten.add(row[side])
    standing = [name for name in leads if name in ended - beaten] or list(leads)
    return max(standing, key=lambda name: leads[name]), ended


def sentence(row: Mapping[str, Any]) -> str:
    """Return what one comparison says: who beats whom by how much, or what would settle it.

    Args:
        row: One row of `adamcmp.analysis.comparisons`.
    """
    ahead = _facing(row, _leader(row))
    a, b, on = display_name(ahead["a"]), display_name(ahead["b"]), phrase(row["metric"])
    if math.isnan(row["estimate"]):
        return f"{a} and {b} cannot be compared: no run of one of them ended." + _notes(ahead)
    lead = f"{_number(ahead['lead'], ahead)}{unit(row['metric'])}"
    if math.isnan(row["ci_low"]) and row["estimate"] == 0 and row["n"] > 1:
        return f"{a} and {b} are the same on {on} on all {row['n']} seeds." + _notes(ahead)
    if math.isnan(row["ci_low"]):
        why = "one seed" if row["n"] == 1 else f"the difference is the same on {row['n']} seeds"
        return f"{a} is ahead of {b} on {on} by {lead}, but {why}: no interval." + _notes(ahead)
    evidence = f"(95 % interval {_interval(ahead)}; {_seeds(ahead)}; {_p(row)})"
    if row["better"]:
        return f"{a} beats {b} on {on} by {lead} {evidence}{_training(ahead)}." + _notes(ahead)
    if row["p_choice"] < ALPHA:
        return f"{a} is ahead of {b} on {on} by {lead} {evidence}, but diverged more often." + (
            _notes(ahead)
        )
    if row["p_holm"] < ALPHA:
        return (
            f"{a} is ahead of {b} on {on} by {lead} {evidence}, but luck in choosing among "
            f"{ahead['settings_a']} and {ahead['settings_b']} settings can give as much."
        ) + _notes(ahead)
    after = "" if row["p_value"] >= ALPHA else " after Holm"
    return (
        f"No detectable difference{after} between {a} and {b} on {on}: {a} is ahead by {lead} "
        f"{evidence}{_more(ahead)}."
    ) + _notes(ahead)


def _leader(row: Mapping[str, Any]) -> str:
    lower = row["estimate"] <= 0
    return "a" if lower != higher_is_better(row["metric"]) else "b"


def _facing(row: Mapping[str, Any], first: str) -> dict[str, Any]:
    """Return a row with `first` as a, and ``lead``, ``low``, ``high``: by how much it is better."""
    turned = dict(row)
    if first == "b":
        for key in ("", "settings_", "diverged_", "n_"):
            turned[f"{key}a"], turned[f"{key}b"] = row[f"{key}b"], row[f"{key}a"]
    bounds = sorted((row["ci_low"], row["ci_high"])) if row["n"] > 1 else (math.nan, math.nan)
    sign = 1 if (first == "a") == higher_is_better(row["metric"]) else -1
    low, high = sorted(sign * bound for bound in bounds)
    turned |= {"lead": sign * row["estimate"], "low": low, "high": high}
    turned["train_sign"] = 1 if first == "a" else -1
    return turned


def _number(value: float, ahead: Mapping[str, Any]) -> str:
    """Return a number in its metric's unit, with the digits that the row's interval bears."""
    size = scale(ahead["metric"])
    if math.isnan(ahead["low"]):
        return f"{size * value:.3g}"
    return fixed(size * value, digits(size * ahead["low"], size * ahead["high"]))


def _interval(ahead: Mapping[str, Any]) -> str:
    return f"{_number(ahead['low'], ahead)} to {_number(ahead['high'], ahead)}"


def _seeds(row: Mapping[str, Any]) -> str:
    return (
        f"{row['n']} paired seeds"
        if row["paired"]
        else f"{row['n_a']} and {row['n_b']} seeds, not paired"
    )


def _p(row: Mapping[str, Any]) -> str:
    plain, corrected = row["p_value"], row["p_holm"]
    if corrected == plain:
        return f"p {p_text(plain)}"
    told = f"p {p_text(corrected)} after Holm"
    return told if row["better"] or plain >= ALPHA else f"p {p_text(plain)} before, {told}"


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
    size = _number(row["settles"], row) + unit(row["metric"])
    if math.isinf(more):
        that = "that" if size == _number(row["lead"], row) + unit(row["metric"]) else size
        return (
            f"; {that} can be luck in choosing among {row['settings_a']} and {row['settings_b']} "
            f"settings, which more seeds for choosing would settle, more fresh ones would not"
        )
    rounded = int(
        more if more < 20 else float(f"{more:.2g}") if more >= 100 else 5 * round(more / 5)
    )
    count = f"{'about ' if more >= 20 else ''}{rounded:.0f} more seed{'' if more == 1 else 's'}"
    return f"; {count} would settle a difference of {size}"


def _notes(ahead: Mapping[str, Any]) -> str:
    """Return what else a reader must know: runs that diverged, seeds that also chose."""
    notes = ""
    for side in ("a", "b"):
        count = ahead[f"diverged_{side}"]
        if count:
            seeds = "1 seed" if count == 1 else f"{count} seeds"
            notes += f" {display_name(ahead[side])} diverged on {seeds}, left out."
    if not ahead["fresh"]:
        notes += " Settings were chosen on these same seeds."
    return notes
