"""Describe properties of optimizers in sentences: who is less sensitive, faster, overfits less."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from adamcmp.analysis.estimates import ALPHA
from adamcmp.analysis.wording import (
    decimals,
    display_name,
    format_fixed,
    join_names,
    metric_phrase,
    scale,
    unit,
)

#: A sentence names at most this number of optimizers beside the best one.
_MOST_NAMES = 3


def property_sentences(rows: pd.DataFrame, level: float = ALPHA) -> str:
    """Return the properties of the optimizers of one problem as a paragraph.

    Only significant differences are stated, each with its interval. The last sentence says what the
    intervals cover, and names the properties without a significant difference.

    >>> from adamcmp.analysis import properties
    >>> from adamcmp.analysis.example import example_table
    >>> rows = properties(example_table().of_problem("mnist1d, mlp"))
    >>> print(property_sentences(rows[rows["property"] == "training speed"]).partition(":")[0])
    At its best setting, AdamW trains faster than Adam+L2 (factor 1.20 [1.14, 1.26])

    Args:
        rows: The rows of `adamcmp.analysis.properties` of one problem.
        level: The level of the tests.

    Returns:
        Empty without rows.
    """
    sentences, undetected = [], []
    for name, (phrase, describe) in _PROPERTIES.items():
        of_property = [
            {str(k): v for k, v in row.items()}
            for row in rows[rows["property"] == name].to_dict("records")
        ]
        claims = [row for row in of_property if row["p_adjusted"] < level]
        if claims:
            sentences.append(describe(claims))
        elif of_property:
            undetected.append(phrase)
    closing = []
    if sentences:
        closing = [
            f"Brackets are 95 % intervals over {_samples(rows)}; each property is tested by itself"
        ]
    if undetected:
        closing.append(f"{'no' if closing else 'No'} difference in {join_names(undetected)}")
        closing[-1] += " was detected"
    return " ".join([*sentences, f"{'; '.join(closing)}."]) if closing else ""


def _samples(rows: pd.DataFrame) -> str:
    seeds = "seeds and training sets" if rows["covers"].str.contains("data").all() else "seeds"
    errors = rows.loc[rows["metric"] != "", "covers"]
    if errors.empty or not errors.str.endswith("examples").all():
        return seeds
    return f"{seeds} and, for errors, test examples"


def _sensitivity(claims: list[dict[str, Any]]) -> str:
    row = claims[0]
    lowest, column = display_name(row["optimizer"]), row["property"][:2]
    metric = metric_phrase(row["metric"])
    sentence = (
        f"{lowest} is less sensitive to {column} than {_others(claims)}: within a factor of "
        f"{row['condition']:.3g} of its best {column}, its {metric} exceeds the best by "
        f"{_size(row['value'], row)} on average"
    )
    if not math.isnan(row["stays_within"]):
        bound = _size(row["stays_within"], row)
        sentence += f", and by less than {bound} at every {column} that was tried"
    failing = [
        f"{display_name(r['over'])} does not train from {column} {r['fails_from']:.3g} on"
        for r in claims
        if not math.isnan(r["fails_from"])
    ]
    return "; ".join([sentence, *failing[:1]]) + "."


def _tuning(claims: list[dict[str, Any]]) -> str:
    trials = max(row["condition"] for row in claims)
    most_trials = [row for row in claims if row["condition"] == trials]
    fewer_trials = [row for row in claims if row["condition"] < trials]
    row = most_trials[0]
    sentence = (
        f"With {_settings(trials)}, {display_name(row['optimizer'])} has a lower expected "
        f"{metric_phrase(row['metric'])} than {_others(most_trials)}"
    )
    if fewer_trials and fewer_trials[0]["optimizer"] != row["optimizer"]:
        first = fewer_trials[0]
        sentence += (
            f"; with {_settings(first['condition'])}, {display_name(first['optimizer'])} has "
            f"a lower one than {_others(fewer_trials, 1)}"
        )
    return sentence + "."


def _settings(trials: float) -> str:
    return "one random setting" if trials == 1 else f"the best of {trials:g} random settings"


def _speed(claims: list[dict[str, Any]]) -> str:
    row = claims[0]
    return (
        f"At its best setting, {display_name(row['optimizer'])} trains faster than "
        f"{_others(claims)}: its training loss falls to {row['condition']:.2g} in "
        f"{row['value']:.2g} epochs."
    )


def _overfitting(claims: list[dict[str, Any]]) -> str:
    row = claims[0]
    measure = row["metric"].removeprefix("gap_").replace("_", " ")
    return (
        f"At a training loss of {row['condition']:.2g}, {display_name(row['optimizer'])} overfits "
        f"less than {_others(claims)}: its test {measure} exceeds its training {measure} by "
        f"{_size(row['value'], row)}."
    )


#: The phrase for each property, and the function that describes its significant differences.
_PROPERTIES: Mapping[str, tuple[str, Callable[[list[dict[str, Any]]], str]]] = {
    "lr sensitivity": ("sensitivity to lr", _sensitivity),
    "wd sensitivity": ("sensitivity to wd", _sensitivity),
    "tuning": ("the error after a few random trials", _tuning),
    "training speed": ("training speed", _speed),
    "overfitting": ("overfitting at equal training loss", _overfitting),
}


def _others(claims: list[dict[str, Any]], most: int = _MOST_NAMES) -> str:
    """Return the optimizers from which the lowest differs, closest first, with intervals.

    Args:
        claims: The rows of the optimizers.
        most: If there are more, only the closest one is named.
    """
    ordered = sorted(claims, key=lambda row: row["estimate"])
    if len(ordered) <= most:
        return join_names(_with_difference(row) for row in ordered)
    return f"{len(ordered)} others, the closest of which is {_with_difference(ordered[0])}"


def _with_difference(row: Mapping[str, Any]) -> str:
    size = scale(row["metric"]) if row["metric"] else 1
    numbers = [size * row[key] for key in ("estimate", "ci_low", "ci_high")]
    texts = [format_fixed(number, decimals(*numbers[1:])) for number in numbers]
    interval = f"[{texts[1]}, {texts[2]}]"
    if not row["metric"]:
        return f"{display_name(row['over'])} (factor {texts[0]} {interval})"
    return f"{display_name(row['over'])} ({texts[0]}{unit(row['metric'])} {interval})"


def _size(value: float, row: Mapping[str, Any]) -> str:
    return f"{scale(row['metric']) * value:.2g}{unit(row['metric'])}"
