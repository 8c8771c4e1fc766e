"""The contents of a report, computed once: verdicts, audit findings and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from adamcmp import analysis
from adamcmp.analysis import RunTable
from adamcmp.analysis.looks import unrecorded_looks
from adamcmp.analysis.measures.best_settings import BEST_SETTINGS
from adamcmp.analysis.measures.budgets import BUDGETS, budget_summary
from adamcmp.analysis.measures.pairwise import PAIRWISE_COMPARISONS
from adamcmp.analysis.measures.properties import PROPERTIES
from adamcmp.analysis.question import ALL_PAIRS, Question
from adamcmp.errors import NotFound
from adamcmp.platform.addresses import Address
from adamcmp.reporting.pooling import load_table
from adamcmp.reporting.rendering import RenderedPlot
from adamcmp.reporting.statistics import measure_table
from adamcmp.reporting.summary import five_columns
from adamcmp.reporting.tables import Table
from adamcmp.storage import reader
from adamcmp.storage.filters import no_match, parse_filters
from adamcmp.storage.looks import add_looks
from adamcmp.storage.metadata import requested_runs


@dataclass(frozen=True)
class Answer:
    """The verdicts, audit findings and statistics of some studies.

    Attributes:
        studies: The folders of the studies.
        filters: Conditions that all runs meet.
        table: The runs.
        verdicts: The verdict on each problem.
        findings: The findings of the fairness audit.
        tables: The statistics, one for each of `MEASURES`.
    """

    studies: tuple[Address, ...]
    filters: tuple[str, ...]
    table: RunTable
    verdicts: tuple[analysis.Verdict, ...]
    findings: tuple[analysis.Finding, ...]
    tables: tuple[Table, ...]

    @property
    def runs(self) -> pd.DataFrame:
        """One row per run."""
        return self.table.runs

    @property
    def name(self) -> str:
        """The names of the studies."""
        return " + ".join(study.name for study in self.studies)

    @property
    def summary(self) -> Table:
        """The best settings in five columns; its data has all metrics."""
        return _table_of(BEST_SETTINGS, self.tables)

    @property
    def all_metrics(self) -> Table:
        """The best settings with a column for every metric."""
        best, data = BEST_SETTINGS, self.summary.data
        data = None if data is None else data.drop(columns=["setting", "metric"])
        return Table("all_metrics", "All metrics of the best settings", best.caption, data)

    @property
    def comparisons(self) -> Table:
        """The paired comparisons."""
        return _table_of(PAIRWISE_COMPARISONS, self.tables)

    @property
    def no_verdict_reason(self) -> str:
        """Why there is no verdict; empty if there is one."""
        if self.verdicts:
            return ""
        return f"No comparison of optimizers. {self.comparisons.missing_reason}"

    @property
    def budgets(self) -> Table:
        """The tuning budgets of the optimizers, shown at the start of the audit."""
        return _table_of(BUDGETS, self.tables)

    @property
    def budget_summary(self) -> str:
        """The tuning budgets in one sentence, or the reason why they are unknown."""
        table = self.budgets
        return table.missing_reason if table.data is None else budget_summary(table.data)

    @property
    def failed(self) -> bool:
        """Whether a statistic or a plot is missing because of an error."""
        return any(finding.kind == "failure" for finding in self.findings)

    @property
    def counts(self) -> dict[str, int]:
        """The number of runs by status."""
        return {str(k): int(v) for k, v in self.runs["status"].value_counts().items()}


def compute_answer(
    studies: Sequence[Address], filters: Sequence[str] = (), question: Question = ALL_PAIRS
) -> Answer:
    """Compute all statistics of one or several studies.

    Args:
        studies: Folders of studies; see `load_table` for how several are pooled.
        filters: Conditions that runs must meet, such as ``"lr=0.001"``.
        question: What the comparisons ask.

    Raises:
        StoreError: If a file of a study is damaged.
        NotFound: If no completed run meets the conditions.
        ConfigError: If a condition or the question is invalid, or settings cannot be selected.
    """
    table = load_table(studies)
    # With filters, runs are excluded on purpose.
    missing = [] if filters else [finding for study in studies for finding in _missing_runs(study)]
    if filters:
        table = _filtered(table, filters)
    _check_any_completed(table, studies, filters)
    audited = analysis.audit(table)  # all pairs, whatever is asked
    table = table.asking(question)
    tables = [measure_table(measure, table) for measure in analysis.MEASURES]
    tables = [five_columns(t, table) if t.name == BEST_SETTINGS.name else t for t in tables]
    name = " + ".join(study.name for study in studies)
    failures = [failure(each, name) for each in tables if each.error]
    findings = (*failures, *missing, *audited)
    return Answer(
        studies=tuple(studies),
        filters=tuple(filters),
        table=table,
        verdicts=_verdicts(table, tables, findings),
        findings=findings,
        tables=tuple(tables),
    )


def _filtered(table: RunTable, filters: Sequence[str]) -> RunTable:
    meets = parse_filters(filters, list(table.runs.columns))
    rows = table.runs.to_dict("records")
    met = pd.Series([meets(row) for row in rows], table.runs.index, dtype=bool)
    if rows and not met.any():
        raise NotFound(no_match(filters, table.runs.to_dict("list")))
    return table.where(met)


def failure(part: Table | RenderedPlot, study: str) -> analysis.Finding:
    """Return the finding that a report lacks a statistic or a plot because of an error.

    Args:
        part: The table or plot.
        study: The names of the studies.
    """
    return analysis.Finding(
        "failure",
        "warning",
        study,
        f"The report lacks {part.name} because of an error ({part.error}). This is a bug of "
        f"adamcmp: please report it with the traceback in the terminal.",
    )


def _table_of(measure: analysis.Measure, tables: Sequence[Table]) -> Table:
    return next(table for table in tables if table.name == measure.name)


def _check_any_completed(
    table: RunTable, studies: Sequence[Address], filters: Sequence[str]
) -> None:
    status = table.runs["status"]
    if (status == "done").any():
        return
    names = " + ".join(study.name for study in studies)
    counts = ", ".join(f"{count} {value}" for value, count in status.value_counts().items())
    matching = " that matches the filters" if filters else ""
    others = f" ({counts})" if counts else ""
    raise NotFound(f"Study {names!r} has no completed run{matching}{others}.")


def _missing_runs(study: Address) -> Iterator[analysis.Finding]:
    """Yield a finding if a study has fewer runs than one of its commands requested."""
    requested = requested_runs(study)
    existing = len(reader.read_final_rows(study, []))
    if existing < requested:
        yield analysis.Finding(
            "missing",
            "warning",
            study.name,
            f"{requested - existing} of the {requested} requested runs are missing. Repeat the "
            f"command that requested them to train the rest.",
            undermines="missing runs",
        )


def record_looks(answer: Answer) -> Answer:
    """Record the comparisons of an answer that is shown, in the folder of each study.

    Returns:
        The answer, with a finding for each study that cannot be written.
    """
    if answer.comparisons.data is None:
        return answer
    looks = unrecorded_looks(answer.comparisons.data, answer.table.looks)
    findings = [
        analysis.Finding("looks", "note", study.name, problem)
        for study in answer.studies
        if (problem := add_looks(study, looks))
    ]
    return replace(answer, findings=(*findings, *answer.findings))


def _verdicts(
    table: RunTable, tables: Sequence[Table], findings: Sequence[analysis.Finding]
) -> tuple[analysis.Verdict, ...]:
    """Return the verdict on each problem's test error (regression: loss), with the properties."""
    pairs = _table_of(PAIRWISE_COMPARISONS, tables).data
    if pairs is None:
        return ()
    metrics = {problem: table.metric(problem) for problem in table.problems}
    judged = pairs[pairs["metric"] == pairs["problem"].map(metrics)]
    verdicts = analysis.verdicts(judged, findings)
    properties = [table.data for table in tables if table.name == PROPERTIES.name]
    if not properties or properties[0] is None:
        return tuple(verdicts)
    return tuple(_with_properties(verdict, properties[0]) for verdict in verdicts)


def _with_properties(
    verdict: analysis.Verdict, properties: pd.DataFrame | None
) -> analysis.Verdict:
    """Return a verdict with the sentences on the properties, unless runs are missing."""
    if properties is None or verdict.rows[0]["missing_runs"]:
        return verdict
    rows = properties[properties["problem"] == verdict.problem]
    level = min(row["level"] for row in verdict.rows)
    return replace(verdict, properties=analysis.property_sentences(rows, level))
