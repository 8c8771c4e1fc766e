"""The table of runs that every measure, check, plot and report starts from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any, TypeVar, final

import pandas as pd

from adamcmp.analysis import selection
from adamcmp.storage.columns import METRIC_COLUMNS

T = TypeVar("T")


@final
@dataclass(frozen=True, eq=False)
class RunTable:
    """Runs with the columns that group them, their evaluations, and the selection of settings.

    A *problem* is a dataset with a model, in every variant of them that was trained. Column
    ``optimizer`` holds an optimizer's name, with the rule and coupling where one name has several.
    A *setting* is every other column that varied within an optimizer on a problem, except the seed.

    The table is immutable, and what is computed from it is computed once. Do not modify the frames
    that it returns.

    Attributes:
        runs: One row per run, failed ones included; columns as on disk, plus ``problem``.
        all_metrics: Evaluations of these runs, and possibly of others.
    """

    runs: pd.DataFrame
    all_metrics: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(METRIC_COLUMNS))
    )
    _ranked: dict[str, pd.DataFrame] = field(default_factory=dict, init=False, repr=False)
    _selected: dict[str, pd.DataFrame] = field(default_factory=dict, init=False, repr=False)
    _problems: dict[str, RunTable] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if "problem" not in self.runs:
            raise ValueError("runs have no column 'problem': use RunTable.from_frames")

    @classmethod
    def from_frames(cls, runs: pd.DataFrame, metrics: pd.DataFrame | None = None) -> RunTable:
        """Label runs as they are stored.

        Args:
            runs: One row per run, such as ``adamcmp.load("first").runs``.
            metrics: One row per run and evaluation; None when no measure needs them.
        """
        labels = selection.labelled(runs)
        return cls(labels) if metrics is None else cls(labels, metrics)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row per evaluation of these runs; columns as on disk."""
        return self.all_metrics[self.all_metrics["run_id"].isin(self.runs["run_id"])]

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """The problems, in order of appearance."""
        return tuple(map(str, self.runs["problem"].unique()))

    @cached_property
    def optimizers(self) -> tuple[str, ...]:
        """The optimizers, in order of appearance."""
        return tuple(map(str, self.runs["optimizer"].unique()))

    @cached_property
    def setting_columns(self) -> list[str]:
        """The columns that varied within an optimizer on a problem, lr and wd first."""
        return selection.setting_columns(self.runs)

    def measure(self, problem: str | None = None) -> str:
        """Return ``"error"`` for classification, ``"loss"`` for regression.

        Args:
            problem: One of `problems`; None where the table has one only.
        """
        return selection.measure_of(self.runs if problem is None else self.of_problem(problem).runs)

    def ranked(self, by: str = "optimizer") -> pd.DataFrame:
        """Return the runs that did not fail with the rank of their setting on validation.

        See `adamcmp.analysis.selection.ranked`.
        """
        if by not in self._ranked:
            self._ranked[by] = selection.ranked(self.runs, by)
        return self._ranked[by]

    def selected(self, by: str = "optimizer") -> pd.DataFrame:
        """Return the runs to report: of the best setting on validation, per problem and `by`.

        See `adamcmp.analysis.selection.chosen`.
        """
        if by not in self._selected:
            self._selected[by] = selection.reported(self.ranked(by), by)
        return self._selected[by]

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row per problem and optimizer: the selected setting, mean and spread over seeds."""
        return selection.summary(self.runs)

    def where(self, mask: pd.Series[bool]) -> RunTable:
        """Return the runs at which `mask`, a column of booleans, is true."""
        return self.with_runs(self.runs[mask])

    def of_problem(self, problem: str) -> RunTable:
        """Return the runs of one problem."""
        if problem not in self._problems:
            self._problems[problem] = self.where(self.runs["problem"] == problem)
        return self._problems[problem]

    def by_problem(self) -> Iterator[tuple[str, RunTable]]:
        """Yield each problem with its runs, in order of appearance."""
        for problem in self.problems:
            yield problem, self.of_problem(problem)

    def with_runs(self, runs: pd.DataFrame) -> RunTable:
        """Return a table of other rows or labels with the same evaluations.

        Args:
            runs: Labelled runs: some of these, or with other columns ``problem``, ``optimizer``.
        """
        return RunTable(runs, self.all_metrics)


def accepts_table(function: Callable[..., T]) -> Callable[..., T]:
    """Let a function of runs (and metrics) take a `RunTable` in their place."""
    takes_metrics = "metrics" in inspect.signature(function).parameters

    @wraps(function)
    def adapted(runs: RunTable | pd.DataFrame, *args: Any, **options: Any) -> T:
        if not isinstance(runs, RunTable):
            return function(runs, *args, **options)
        return function(runs.runs, *([runs.metrics] if takes_metrics else []), *args, **options)

    return adapted
