"""Where a report's numbers come from: settings, versions, machines, commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from adamcmp.analysis import setting_columns
from adamcmp.reporting.answer import Answer
from adamcmp.storage import reader
from adamcmp.storage.columns import Role, columns_with_role

#: Commands whose name is the first of the words that study.yaml keeps.
_NAMED = ("study ", "extend ", "import-csv ")

#: Columns that are not settings, and the seed.
_NO_SETTINGS = {
    *columns_with_role(Role.IDENTITY, Role.OUTCOME, Role.METRIC, Role.PROVENANCE),
    *("seed", "problem"),
} - {"study"}
#: Columns that other columns, or what was varied, already tell of an optimizer.
_TOLD_ABOVE = {
    *("optimizer", "lr", "optimizer.lr", "wd", "optimizer.weight_decay", "optimizer.rule"),
    *("optimizer.coupling", "study", "dataset", "model", "train_examples", "parameters"),
}


def commands(answer: Answer) -> list[str]:
    """Return the commands that make the studies and the report anew, in their order."""
    made = [command for study in answer.studies for command in _asked(study)]
    names = [study.name for study in answer.studies]
    return [*dict.fromkeys(made), shlex.join(["adamcmp", "report", *names, *answer.filters])]


def _asked(study: Path) -> Iterator[str]:
    for asked in reader.read_study_metadata(study).get("asked", []):
        # Earlier versions noted no flags.
        first, *rest = [*asked["words"], *asked.get("flags", [])] or [""]
        if first.startswith(_NAMED):
            yield shlex.join(["adamcmp", *first.split(" ", 1), *rest])
            continue
        words = [word for word in (first, *rest) if word]
        named = any(word.startswith("study=") for word in words)
        yield shlex.join(["adamcmp", "sweep", *words, *([] if named else [f"study={study.name}"])])


def varied(answer: Answer) -> pd.DataFrame:
    """Return the values that each optimizer was tried with: ``problem optimizer`` and settings."""
    settings = [*setting_columns(answer.runs), "seed"]
    groups = answer.runs.groupby(["problem", "optimizer"], sort=False)
    rows = [
        {"problem": problem, "optimizer": optimizer, "runs": str(len(group))}
        | {column: _listed(group[column]) for column in settings}
        for (problem, optimizer), group in groups
    ]
    return pd.DataFrame(rows)


def differing(answer: Answer) -> pd.DataFrame:
    """Return what was held fixed for each optimizer, but is another value for some of them.

    Returns:
        A row per setting and optimizer: setting, optimizer, estimate (its value as text; missing
        where the optimizer has no such setting).
    """
    runs = answer.runs
    told = {*_NO_SETTINGS, *_TOLD_ABOVE, *setting_columns(runs)}
    columns = [str(c) for c in runs if c not in told]
    columns = [c for c in columns if not c.startswith(("dataset.", "model."))]
    found = [
        pd.DataFrame({"setting": column, "optimizer": name, "estimate": _listed(own) or None}, [0])
        for column in columns
        for name, own in runs[column].groupby(runs["optimizer"], sort=False)
    ]
    table = pd.concat(found, ignore_index=True)
    values = table["estimate"].fillna("").groupby(table["setting"])
    return table[values.transform("nunique") > 1].reset_index(drop=True)


def fixed(answer: Answer) -> dict[str, str]:
    """Return what all runs have in common: settings by their dotted path."""
    found = {}
    for column in answer.runs.columns.difference(list(_NO_SETTINGS), sort=False):
        texts = answer.runs[column].map(_text)
        if texts.nunique() == 1 and texts.iloc[0]:
            found[column] = texts.iloc[0]
    return found


def computed_by(answer: Answer) -> dict[str, str]:
    """Return what computed the runs: versions, commit, hardware, engine, threads, time."""
    runs = answer.runs
    found = {
        column.replace("_", " "): _listed(runs[column])
        for column in columns_with_role(Role.PROVENANCE)
        if column in runs and runs[column].notna().any()
    }
    hours, seconds = divmod(round(runs["wall_time_s"].sum()), 3600)
    found["training time, all runs"] = f"{hours} h {seconds // 60} min {seconds % 60} s"
    ended = runs["finished_at"].dropna() if "finished_at" in runs else pd.Series(dtype=str)
    if len(ended):
        found["trained"] = f"{ended.min()} to {ended.max()}"
    return found


def _listed(values: pd.Series[Any]) -> str:
    found = values.dropna().map(_text)
    numbers = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    distinct = list(found[values.dropna().sort_values().index] if numbers else sorted(set(found)))
    texts = list(dict.fromkeys(distinct))
    if len(texts) > 6:
        return f"{texts[0]}, {texts[1]}, … {texts[-1]} ({len(texts)} values)"
    return ", ".join(texts)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if hasattr(value, "__iter__"):
        return f"[{', '.join(map(_text, value))}]"
    if pd.isna(value):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
