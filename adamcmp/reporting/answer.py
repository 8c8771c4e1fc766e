"""All that a report says, computed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from adamcmp import analysis
from adamcmp.analysis import labelled
from adamcmp.analysis.filters import parse_filters
from adamcmp.errors import NotFound
from adamcmp.reporting.statistics import BUDGETS, STATISTICS, SUMMARY
from adamcmp.reporting.tables import Table
from adamcmp.storage import reader


@dataclass(frozen=True)
class Answer:
    """What is known of some studies.

    Attributes:
        studies: Their folders.
        filters: Conditions that the runs meet.
        runs: Their runs, labelled.
        metrics: These runs' evaluations.
        verdicts: The answer in words, per problem.
        findings: What the fairness audit found.
        tables: The statistics: the summary, the comparisons, then all others.
    """

    studies: tuple[Path, ...]
    filters: tuple[str, ...]
    runs: pd.DataFrame
    metrics: pd.DataFrame
    verdicts: tuple[analysis.Verdict, ...]
    findings: tuple[analysis.Finding, ...]
    tables: tuple[Table, ...]

    @property
    def name(self) -> str:
        """The names of the studies."""
        return " + ".join(study.name for study in self.studies)

    @property
    def budgets(self) -> Table:
        """What each optimizer was given, which the audit begins with."""
        return next(table for table in self.tables if table.name == BUDGETS.name)

    @property
    def counts(self) -> dict[str, int]:
        """The number of runs by status."""
        return {str(k): int(v) for k, v in self.runs["status"].value_counts().items()}


def answer(studies: Sequence[Path], filters: Sequence[str] = ()) -> Answer:
    """Compute all statistics of some studies' runs.

    Args:
        studies: Folders. Runs of several are one pool; where one optimizer has runs of one problem
            in several of them, that problem is another in each study.
        filters: Conditions that runs must meet, such as ``"lr=0.001"``.

    Raises:
        StoreError: When a part is damaged.
        NotFound: When no run is left.
        ConfigError: When a filter is wrong, or settings cannot be chosen.
    """
    runs, metrics = pooled(studies)
    lacking = [] if filters else [finding for s in studies for finding in _lacking(s)]
    keep = parse_filters(filters, list(runs.columns))
    runs = runs[[keep(row) for row in runs.to_dict("records")]] if filters else runs
    if runs.empty or not (runs["status"] == "done").any():
        names = " + ".join(study.name for study in studies)
        counts = [f"{count} {status}" for status, count in runs["status"].value_counts().items()]
        others = f": {', '.join(counts)}" if counts else ""
        fits = " and fits" if filters else ""
        raise NotFound(f"Study {names!r} has no run that ended{fits}{others}.")
    metrics = metrics[metrics["run_id"].isin(runs["run_id"])]
    best = Table("summary", SUMMARY.title, SUMMARY.about, SUMMARY.function(runs, metrics))
    tables = (best, *(statistic.table(runs, metrics) for statistic in STATISTICS))
    said = verdicts(runs, tables[1])
    found = (*lacking, *analysis.audit(runs, metrics))
    return Answer(tuple(studies), tuple(filters), runs, metrics, said, found, tables)


def _lacking(study: Path) -> Iterator[analysis.Finding]:
    """Yield what is missing of the largest number of runs that one command asked for."""
    # Earlier versions noted no numbers.
    commands = reader.read_study_metadata(study).get("asked", [])
    asked = max((command.get("runs", 0) for command in commands), default=0)
    there = len(reader.read_runs(study, ["run_id"]))
    if there < asked:
        yield analysis.Finding(
            "missing",
            "warning",
            study.name,
            f"{asked - there} of the {asked} runs that were asked for are not there: the words "
            f"that asked for them go on.",
        )


def verdicts(runs: pd.DataFrame, comparisons: Table) -> tuple[analysis.Verdict, ...]:
    """Return what the comparisons say in words, on what each problem is judged by."""
    if comparisons.data is None:
        return ()
    judged = {p: f"test_{analysis.measure_of(own)}" for p, own in runs.groupby("problem")}
    table = comparisons.data
    return tuple(analysis.verdicts(table[table["metric"] == table["problem"].map(judged)]))


def pooled(studies: Sequence[Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the runs of several studies, labelled, and their metrics.

    Raises:
        StoreError: When a part is damaged.
        NotFound: When there is no run.
    """
    loaded = [reader.load(study) for study in studies]
    if not any(len(runs) for runs, _ in loaded):
        names = " + ".join(study.name for study in studies)
        raise NotFound(f"Study {names!r} has no runs yet.")
    if len(loaded) == 1:
        return labelled(loaded[0][0]), loaded[0][1]
    seen: set[str] = set()
    for (runs, metrics), study in zip(loaded, studies, strict=True):
        twice = seen & set(runs["run_id"])
        seen |= set(runs["run_id"])
        new = {run_id: f"{study.name}/{run_id}" for run_id in twice}
        runs["study"] = study.name
        for table in (runs, metrics):
            table["run_id"] = table["run_id"].replace(new)
    runs = labelled(pd.concat([runs for runs, _ in loaded], ignore_index=True))
    several = runs.groupby(["problem", "optimizer"])["study"].transform("nunique") > 1
    told = several.groupby(runs["problem"]).transform("any")
    runs["problem"] += (", study " + runs["study"]).where(told, "")
    return runs, pd.concat([metrics for _, metrics in loaded], ignore_index=True)
