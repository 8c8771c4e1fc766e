"""The columns of ``runs``, ``metrics`` and ``examples``."""

from __future__ import annotations

from collections.abc import Iterable

from adamcmp.storage.columns import (
    EXAMPLE_COLUMNS,
    METRIC_COLUMNS,
    RUN_COLUMNS,
    Column,
    Role,
    run_columns,
)
from reference_pages.markdown import markdown_section, markdown_table, one_line

#: What the columns of a role describe.
ROLES = {
    Role.IDENTITY: "identifies the run and the row;",
    Role.SETTING: "a requested setting;",
    Role.DERIVED: "a size that follows from the settings;",
    Role.OUTCOME: "a result of training, up to the end of the run or up to an evaluation;",
    Role.METRIC: "a measurement of the model;",
    Role.PROVENANCE: "the hardware, software and numerics that computed the run.",
}


def column_sections() -> list[str]:
    """Return the roles of columns, then the columns of each table."""
    roles = "\n".join(f"- `{role}`: {ROLES[role]}" for role in Role)
    dotted = [column for name, column in run_columns().items() if name not in RUN_COLUMNS]
    return [
        f"The role of a column is\n\n{roles}",
        markdown_section("Runs", _column_table(RUN_COLUMNS.values())),
        markdown_section(
            "Settings of runs",
            "`runs` also has a column for every setting under its path. It is empty if the "
            "component does not have the setting. [Settings](settings.md) and "
            "[components](components.md) give the meaning.",
            markdown_table(["column", "type"], [[f"`{c.name}`", _type_name(c)] for c in dotted]),
        ),
        markdown_section("Metrics", _column_table(METRIC_COLUMNS.values())),
        markdown_section("Examples", _column_table(EXAMPLE_COLUMNS.values())),
    ]


def _column_table(columns: Iterable[Column]) -> str:
    rows = [
        [f"`{c.name}`", _type_name(c), c.unit, str(c.role), one_line(c.description)]
        for c in columns
    ]
    return markdown_table(["column", "type", "unit", "role", "content"], rows)


def _type_name(column: Column) -> str:
    return column.type.__name__ if isinstance(column.type, type) else str(column.type)
