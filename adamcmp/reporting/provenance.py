"""The provenance of a report: settings, versions, machines and commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pandas as pd

from adamcmp.analysis.labels import is_problem_setting, short_setting_names
from adamcmp.platform.addresses import Address
from adamcmp.reporting.answer import Answer
from adamcmp.storage.columns import SHORT_NAMES, Role, columns_with_role, role_of
from adamcmp.storage.metadata import read_study_metadata

#: Commands that study.yaml records in their first argument. All others are sweeps.
_NAMED_COMMANDS = ("study ", "extend ", "import-csv ")

#: Settings that are part of an optimizer's or problem's name, or shown in another table.
_SHOWN_ELSEWHERE = {*("optimizer", "problem", "lr", "wd", "seed"), *SHORT_NAMES}
#: More distinct values than this are abbreviated.
_MOST_VALUES = 6


def commands(answer: Answer) -> list[str]:
    """Return the commands that reproduce the studies and the report, in order."""
    recorded = [command for study in answer.studies for command in _study_commands(study)]
    names = [study.name for study in answer.studies]
    return [*dict.fromkeys(recorded), shlex.join(["adamcmp", "report", *names, *answer.filters])]


def _study_commands(study: Address) -> Iterator[str]:
    """Yield the commands that study.yaml records."""
    for command in read_study_metadata(study).get("asked", []):
        # Version 0.1 recorded no flags.
        first, *others = [*command["words"], *command.get("flags", [])] or [""]
        if first.startswith(_NAMED_COMMANDS):
            yield shlex.join(["adamcmp", *first.split(" ", 1), *others])
            continue
        arguments = [argument for argument in (first, *others) if argument]
        if not any(argument.startswith("study=") for argument in arguments):
            arguments.append(f"study={study.name}")
        yield shlex.join(["adamcmp", "sweep", *arguments])


def varied_settings(answer: Answer) -> pd.DataFrame:
    """Return the values of each optimizer's settings: ``problem optimizer runs`` and settings."""
    settings = [*answer.table.setting_columns, "seed"]
    groups = answer.runs.groupby(["problem", "optimizer"], sort=False)
    rows = [
        {"problem": problem, "optimizer": optimizer, "runs": str(len(group))}
        | {column: _listed(group[column]) for column in settings}
        for (problem, optimizer), group in groups
    ]
    return pd.DataFrame(rows)


def differing_settings(answer: Answer) -> pd.DataFrame:
    """Return the settings that are constant for each optimizer and differ between optimizers.

    Returns:
        A row per setting and optimizer: ``setting``, ``optimizer``, ``estimate`` (the value as
        text; missing if the optimizer has no such setting).
    """
    runs = answer.runs
    excluded = {*_SHOWN_ELSEWHERE, *answer.table.setting_columns}
    settings = [
        name
        for name in map(str, runs)
        if role_of(name) is Role.SETTING and name not in excluded and not is_problem_setting(name)
    ]
    rows = [
        {"setting": setting, "optimizer": optimizer, "estimate": _listed(values) or None}
        for setting in settings
        for optimizer, values in runs[setting].groupby(runs["optimizer"], sort=False)
    ]
    table = pd.DataFrame(rows)
    values = table["estimate"].fillna("").groupby(table["setting"])
    return table[values.transform("nunique") > 1].reset_index(drop=True)


def listed_settings(differing: pd.DataFrame) -> pd.DataFrame:
    """Return the settings of `differing_settings` in one text for each optimizer.

    Returns:
        A row per optimizer: ``optimizer``, ``settings``.
    """
    known = differing.dropna(subset="estimate")
    names = short_setting_names(known["setting"].unique())
    texts = known["setting"].map(names) + " " + known["estimate"]
    listed = texts.groupby(known["optimizer"], sort=False).agg(", ".join)
    return listed.rename("settings").reset_index()


def common_settings(answer: Answer) -> dict[str, str]:
    """Return the settings that all runs have in common, by dotted path."""
    columns = [
        column
        for column in map(str, answer.runs)
        if (role_of(column) in (Role.SETTING, Role.DERIVED) or column == "study")
        and column not in ("seed", "problem")
    ]
    common = {}
    for column in columns:
        texts = answer.runs[column].map(_text)
        if texts.nunique() == 1 and texts.iloc[0]:
            common[column] = texts.iloc[0]
    return common


def environment(answer: Answer) -> dict[str, str]:
    """Return the versions, commit, hardware, engine, threads and time of the runs."""
    runs = answer.runs
    facts = {
        column.replace("_", " "): _listed(runs[column])
        for column in columns_with_role(Role.PROVENANCE)
        if column in runs and runs[column].notna().any()
    }
    hours, seconds = divmod(round(runs["wall_time_s"].sum()), 3600)
    facts["training time, all runs"] = f"{hours} h {seconds // 60} min {seconds % 60} s"
    finished = runs["finished_at"].dropna() if "finished_at" in runs else pd.Series(dtype=str)
    if len(finished):
        facts["trained"] = f"{finished.min()} to {finished.max()}"
    return facts


def _listed(values: pd.Series[Any]) -> str:
    """Return the distinct values in order, separated by commas."""
    texts = values.dropna().map(_text)
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        ordered = list(texts[values.dropna().sort_values().index])
    else:
        ordered = sorted(set(texts))
    distinct = list(dict.fromkeys(ordered))
    if len(distinct) > _MOST_VALUES:
        return f"{distinct[0]}, {distinct[1]}, … {distinct[-1]} ({len(distinct)} values)"
    return ", ".join(distinct)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if hasattr(value, "__iter__"):
        return f"[{', '.join(map(_text, value))}]"
    if pd.isna(value):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
