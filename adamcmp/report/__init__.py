"""A study's first report: three plots and a table, by optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pandas as pd

from adamcmp import frame
from adamcmp.errors import ConfigError, StoreError
from adamcmp.filters import parse_filters
from adamcmp.plots import PLOTS
from adamcmp.plots._style import STYLE
from adamcmp.stats import labelled, summary

FORMATS = ("png", "svg", "pdf")


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        folder: ``<study>/report``.
        table: One row per problem and optimizer, as `adamcmp.stats.summary`.
        files: All files in it.
        counts: Number of runs by status.
    """

    folder: Path
    table: pd.DataFrame
    files: tuple[Path, ...]
    counts: dict[str, int]


def report(study: Path, filters: Sequence[str] = ()) -> Report:
    """Write the report of a study into its folder.

    Args:
        study: The study's folder.
        filters: Conditions that runs must meet, such as ``"lr=0.001"``.

    Raises:
        StoreError: When a part is damaged or the report cannot be written.
        ConfigError: When no run is left, or settings cannot be chosen.
    """
    runs, metrics = frame.load(study)
    keep = parse_filters(filters, list(runs.columns))
    runs = runs[[keep(row) for row in runs.to_dict("records")]] if filters else runs
    if runs.empty or not (runs["status"] == "done").any():
        raise ConfigError(
            f"Study {study.name!r} has no run that ended{' and fits' if filters else ''}."
        )
    runs = labelled(runs)
    metrics = metrics[metrics["run_id"].isin(runs["run_id"])]
    table = summary(runs)
    folder = study / "report"
    try:
        folder.mkdir(exist_ok=True)
        files = [*_plots(runs, metrics, folder), *_tables(table, folder)]
    except OSError as error:
        raise StoreError(f"Cannot write to {folder}: {error.strerror or error}.") from None
    counts = {str(k): int(v) for k, v in runs["status"].value_counts().items()}
    return Report(folder, table, tuple(files), counts)


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return a summary for people: mean ± standard deviation, three digits.

    Validation, test and gap are errors for classification, losses for regression.
    """
    shown = table.loc[:, :"settings"].copy()
    for setting in ("lr", "wd"):
        shown[setting] = shown[setting].map("{:g}".format)
    measures = [m for m in ("error", "loss") if f"test_{m}" in table]
    judged = table["test_error"].notna() if "error" in measures else None
    for measure in measures:
        for split in ("train", "val", "test", "gap"):
            metric = f"{split}_{measure}"
            if metric not in table or (
                measure == "loss" and split != "train" and judged is not None and judged.all()
            ):
                continue
            spread = table.get(f"{metric}_sd", pd.Series(float("nan"), table.index))
            shown[metric.replace("_", " ")] = [
                _with_spread(mean, sd) for mean, sd in zip(table[metric], spread, strict=True)
            ]
    return shown


def _with_spread(mean: float, sd: float) -> str:
    if pd.isna(mean):
        return "-"
    return f"{mean:.3f}" if pd.isna(sd) else f"{mean:.3f} ± {sd:.3f}"


def _plots(runs: pd.DataFrame, metrics: pd.DataFrame, folder: Path) -> list[Path]:
    files = []
    for name, plot in PLOTS.items():
        data = plot.data(runs, metrics)
        if data.empty:  # imported runs may have no evaluations along the way, or no loss
            continue
        figure = plot.draw(data)
        for suffix in FORMATS:
            path = folder / f"{name}.{suffix}"
            with mpl.rc_context(STYLE):  # type: ignore[arg-type]
                figure.savefig(path, metadata=_NO_DATE[suffix])
            files.append(path)
    return files


#: The same data gives the same file: no date inside.
_NO_DATE: dict[str, dict[str, None]] = {
    "png": {},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}


def _tables(table: pd.DataFrame, folder: Path) -> list[Path]:
    csv, markdown = folder / "summary.csv", folder / "summary.md"
    table.to_csv(csv, index=False)
    note = (
        "Mean ± standard deviation over seeds; of each optimizer the setting with the lowest mean "
        "validation error (regression: loss).\n"
    )
    body = readable(table).to_markdown(index=False, disable_numparse=True)
    markdown.write_text(f"{body}\n\n{note}", encoding="utf-8")
    return [csv, markdown]
