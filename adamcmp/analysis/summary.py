"""The selected setting of each optimizer, with the means of its metrics over seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from adamcmp.analysis.labels import GROUP

if TYPE_CHECKING:
    from adamcmp.analysis.run_table import RunTable


def summarize(table: RunTable) -> pd.DataFrame:
    """Return the selected setting of each problem and optimizer, with means over seeds.

    Returns:
        One row per problem and optimizer. Columns: problem, optimizer, the setting columns;
        ``seeds``, completed runs of the selected setting; ``settings``, the number tried;
        ``diverged``, runs of any setting that diverged; ``fresh``, as in `selection.select_runs`;
        the mean of each metric and, with the suffix ``_sd``, its standard deviation over seeds
        (n − 1).
    """
    selected, runs, columns = table.selected(), table.runs, table.setting_columns
    measures = dict.fromkeys(["loss", "error", *map(table.measure, table.problems)])
    metrics = [f"{split}_{m}" for m in measures for split in ("train", "val", "test", "gap")]
    rows = []
    for (problem, optimizer), group in selected.groupby(GROUP, sort=False):
        done = group[group["status"] == "done"]
        tried = runs[(runs["problem"] == problem) & (runs["optimizer"] == optimizer)]
        row = {"problem": problem, "optimizer": optimizer}
        row |= {c: group[c].iloc[0] for c in columns}
        row["seeds"] = done["seed"].nunique()
        row["diverged"] = int((tried["status"] == "diverged").sum())
        row["settings"] = table.setting_texts[tried.index].nunique()
        row["fresh"] = bool(group["fresh"].all())
        for metric in metrics:
            row[metric] = done[metric].mean()
            row[f"{metric}_sd"] = done[metric].std(ddof=1)
        rows.append(row)
    summary = pd.DataFrame(rows)
    # A setting column may be empty, such as that of another schedule than the selected one.
    return summary.drop(
        columns=[m for m in summary if m not in columns and summary[m].isna().all()]
    )
