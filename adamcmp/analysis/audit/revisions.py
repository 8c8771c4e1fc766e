"""Check: were runs computed by an earlier revision of a component or engine?

A component's revision is raised when a fix changes its numbers. Runs that were stored before the
fix stay in the study, and are not comparable with runs trained since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name, join_names
from adamcmp.components.engines import ENGINE_REVISIONS
from adamcmp.components.groups import COMPONENT_GROUPS
from adamcmp.errors import NotFound


def current_revisions(group: str, names: pd.Series[str]) -> Mapping[str, int]:
    """Return the current revision of each component of a group.

    Args:
        group: A config group such as ``"optimizer"``, or ``"engine"``.
        names: The names of the components.

    Returns:
        The revision by name; names without a component, such as those of imported runs, are left
        out.
    """
    if group == "engine":
        return ENGINE_REVISIONS
    revisions = {}
    for name in names.dropna().unique():
        try:
            revisions[name] = COMPONENT_GROUPS[group].component(name).revision
        except NotFound:
            continue
    return revisions


def is_outdated(runs: pd.DataFrame, group: str) -> pd.Series[bool]:
    """Return which runs were computed by an earlier revision of a component or engine.

    Args:
        runs: Runs; a missing column or value means revision 0.
        group: A config group such as ``"optimizer"``, or ``"engine"``.
    """
    # Optimizers are variants of a rule, which has the revision.
    column = "rule" if group == "optimizer" else group
    if column not in runs:
        return pd.Series(False, runs.index)
    stored = runs.get(f"{group}.revision", pd.Series(0, runs.index)).astype(float).fillna(0)
    current = runs[column].map(current_revisions(group, runs[column])).astype(float)
    return stored < current


def check(table: RunTable) -> Iterator[Finding]:
    """Yield optimizers with runs of an earlier revision, per problem. Imported runs have none."""
    trained = table.where(table.runs["torch_version"].notna())
    outdated = {group: is_outdated(trained.runs, group) for group in (*COMPONENT_GROUPS, "engine")}
    for problem, optimizer, subtable in trained.by_optimizer():
        masks = {group: mask[subtable.runs.index] for group, mask in outdated.items()}
        groups = [group for group, mask in masks.items() if mask.any()]
        if groups:
            count = int(pd.DataFrame(masks).any(axis="columns").sum())
            yield Finding(
                "revision",
                "warning",
                problem,
                f"{count} of {len(subtable.runs)} runs of {display_name(optimizer)} were computed "
                f"by an earlier revision of their {join_names(groups)}; a fix has changed numbers "
                f"since. Train them again in a new study.",
            )
