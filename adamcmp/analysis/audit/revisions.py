"""Check: were runs computed by an earlier revision of a component or engine?

A component's revision is raised when its numbers change. Runs that were stored before a correction
stay in the study, and are not comparable with runs trained since. Runs that differ only in rounding
are comparable, as those of different processors are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name, join_names
from adamcmp.components.engines import ENGINE_REVISIONS, LAST_CORRECTIONS
from adamcmp.components.groups import COMPONENT_GROUPS
from adamcmp.components.registry import Component
from adamcmp.errors import NotFound


def check(table: RunTable) -> Iterator[Finding]:
    """Yield optimizers with runs of an earlier revision, per problem. Imported runs have none."""
    trained = table.where(table.runs["torch_version"].notna())
    groups = (*COMPONENT_GROUPS, "engine")
    corrected = pd.DataFrame({group: last_corrections(trained.runs, group) for group in groups})
    stored = pd.DataFrame({group: stored_revisions(trained.runs, group) for group in groups})
    outdated, unknown = stored < corrected, corrected.isna()
    for problem, optimizer, subtable in trained.by_optimizer():
        runs = subtable.runs
        counted = f"of {len(runs)} runs of {display_name(optimizer)} were computed"
        affected = outdated.loc[runs.index]
        if names := [group for group in groups if affected[group].any()]:
            text = (
                f"{affected.any(axis='columns').sum()} {counted} by an earlier revision of their "
                f"{join_names(names)}; a fix has changed numbers since. Train them again in a new "
                f"study."
            )
            yield Finding("revision", "warning", problem, text, undermines="outdated runs")
        for group in COMPONENT_GROUPS:
            names_of_unknown = _names(runs[unknown.loc[runs.index, group]], group)
            for name, count in names_of_unknown.value_counts().items():
                text = (
                    f"{count} {counted} before a fix that changes their numbers if "
                    f"{_component(group, str(name)).affected_if}. In that case, train them again "
                    f"with --force."
                )
                yield Finding("revision", "note", problem, text)


def stored_revisions(runs: pd.DataFrame, group: str) -> pd.Series[float]:
    """Return the revisions of a component or engine that computed runs; 0 where it is missing."""
    return runs.get(f"{group}.revision", pd.Series(0, runs.index)).astype(float).fillna(0)


def last_corrections(runs: pd.DataFrame, group: str) -> pd.Series[float]:
    """Return the last revision that corrected the numbers of each run's component or engine.

    Args:
        runs: Runs.
        group: A config group such as ``"optimizer"``, or ``"engine"``.

    Returns:
        NaN where the settings of a run of an earlier revision do not tell. A name without a
        component, such as that of an imported run, has the stored revision.
    """
    stored, names = stored_revisions(runs, group), _names(runs, group)
    if group == "engine":
        corrections = ENGINE_REVISIONS | LAST_CORRECTIONS
        return names.map(corrections).astype(float).fillna(stored)
    corrected = stored.copy()
    for name in names.dropna().unique():
        component = _component(group, name)
        earlier = runs[(names == name) & (stored < component.revision)]
        columns = [str(column) for column in runs if str(column).startswith(f"{group}.")]
        # Thousands of runs share a few settings.
        for _, equal in earlier.groupby([names[earlier.index], *columns], dropna=False):
            revision = component.revision_of(_settings(equal.iloc[0], group))
            corrected[equal.index] = _corrected(component, revision)
    return corrected


def _corrected(component: type[Component], revision: int | None) -> float:
    """Return the last correction among the revisions up to one; NaN if it is not known."""
    if revision is None:
        return float("nan")
    last = component.last_correction
    return revision if last is None else min(revision, last)


def _component(group: str, name: str) -> type[Component]:
    """Return a component's class; the base class if there is no such component."""
    try:
        return COMPONENT_GROUPS[group].component(name)
    except NotFound:
        return Component


def _names(runs: pd.DataFrame, group: str) -> pd.Series[str]:
    """Return the names of the components of a group, or of the engine, that runs used."""
    # Optimizers are variants of a rule, which has the revision.
    column = "rule" if group == "optimizer" else group
    return runs.get(column, pd.Series(None, runs.index, dtype=object))


def _settings(run: pd.Series[Any], group: str) -> dict[str, Any]:
    """Return a run's settings of a component, without those whose column is empty."""
    prefix = f"{group}."
    columns = {str(column): value for column, value in run.dropna().items()}
    settings = {c.removeprefix(prefix): v for c, v in columns.items() if c.startswith(prefix)}
    arguments: dict[str, Any] = json.loads(settings.pop("arguments", "{}"))
    return settings | arguments
