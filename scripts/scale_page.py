"""The tables of docs/scale.md, from the numbers that `scripts/bench_scale` measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

#: Table -> the heading of each column, its key and the format of its numbers.
COLUMNS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "planning": {
        "runs": ("runs", ","),
        "configurations (s)": ("compose", ".1f"),
        "ids (s)": ("ids", ".1f"),
        "groups and shares (s)": ("groups", ".1f"),
        "plan file (s)": ("encode", ".1f"),
        "in all (s)": ("total", ".1f"),
        "plan file (MB)": ("megabytes", ".1f"),
        "memory (GiB)": ("memory", ".2f"),
    },
    "reading": {
        "runs": ("runs", ","),
        "key, status and metrics (s)": ("metrics", ".2f"),
        "status of all runs (s)": ("status", ".2f"),
        "again (s)": ("status_again", ".2f"),
        "status of 256 runs (s)": ("few", ".3f"),
        "memory (GiB)": ("memory", ".2f"),
    },
    "simulation": {
        "runs": ("runs", ","),
        "workers": ("workers", ","),
        "shares": ("shares", ","),
        "killed": ("killed", ","),
        "frozen": ("frozen", ","),
        "duration (h)": ("hours", ".2f"),
        "predicted time of the runs / time of the workers": ("utilization", ".0%"),
        "runs lost to others": ("lost", ","),
        "queue operations per worker and second": ("operations", ".3f"),
        "other operations": ("storage_operations", ".3f"),
        "names per listing": ("names", ",.0f"),
    },
}


def with_tables(page: str, numbers: Mapping[str, Any]) -> str:
    """Return the page with the tables of the numbers between their marks."""
    for name, columns in COLUMNS.items():
        start = f"<!-- {name} -->\n"
        if page.count(start) != 1:
            raise SystemExit(f"docs/scale.md needs exactly one place for the table {name!r}.")
        before, _, rest = page.partition(start)
        _, end, after = rest.partition("<!-- end -->")
        page = f"{before}{start}{_table(numbers[name], columns)}\n{end}{after}"
    return page


def _table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, tuple[str, str]]) -> str:
    cells = [[format(row[key], form) for key, form in columns.values()] for row in rows]
    align = ["right"] * len(columns)
    return tabulate(cells, [*columns], "github", colalign=align, disable_numparse=True)
