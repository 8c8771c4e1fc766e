"""The summary of a report: five columns of the best settings, for the page and for papers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from adamcmp.analysis import RunTable
from adamcmp.analysis.labels import short_setting_names
from adamcmp.analysis.wording import metric_heading
from adamcmp.reporting.cells import value_text
from adamcmp.reporting.tables import Table


def five_columns(best: Table, runs: RunTable) -> Table:
    """Return the table of best settings with the columns that answer which optimizer to use.

    These are the optimizer, its setting, the test error and the generalization gap (or those of
    the measure by which a problem is compared), and the number of seeds. A table of several
    problems also has the problem.

    Args:
        best: The table of `adamcmp.analysis.measures.best_settings.BEST_SETTINGS`.
        runs: The runs that it summarizes.
    """
    if best.data is None:
        return best
    setting = best.data[runs.setting_columns].apply(_setting_text, axis="columns")
    measures = dict.fromkeys(runs.measure(problem) for problem in runs.problems)
    metrics = [f"{split}_{measure}" for measure in measures for split in ("test", "gap")]
    metrics = [metric for metric in metrics if metric in best.data]  # R² has no gap
    headings = {"problem": "problem", "optimizer": "optimizer", "setting": "best setting"}
    headings |= {metric: metric_heading(metric) for metric in metrics} | {"seeds": "seeds"}
    return replace(
        best,
        data=best.data.assign(setting=setting),
        headings=headings,
        caption=_caption(" or ".join(measures).replace("_", " "), bool(best.data["fresh"].all())),
    )


def _setting_text(row: pd.Series) -> str:
    # A component that does not have a setting of another one has no value.
    values = {str(k): v for k, v in row.items() if "." not in str(k) or np.any(pd.notna(v))}
    names = short_setting_names(values)
    return ", ".join(f"{names[name]} {value_text(value)}" for name, value in values.items())


def _caption(measure: str, fresh: bool) -> str:
    """Return what the table shows, in a sentence that a paper can use."""
    took_part = "took no part in the selection" if fresh else "also selected the setting"
    bias = "" if fresh else " Therefore values look better than they are."
    return (
        f"Each optimizer at the setting with the best mean validation {measure}: mean and 95 % "
        f"interval over seeds that {took_part}.{bias}"
    )
