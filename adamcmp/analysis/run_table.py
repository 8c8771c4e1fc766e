"""The table of runs that all measures, checks, plots and reports use."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, final

import numpy as np
import pandas as pd

from adamcmp.analysis import labels, selection, summary
from adamcmp.analysis.group_columns import with_group_columns
from adamcmp.analysis.metrics import measure_of, reported_metric
from adamcmp.analysis.ordering import in_display_order
from adamcmp.analysis.pairing import has_paired_seeds
from adamcmp.analysis.question import ALL_PAIRS, Question
from adamcmp.analysis.stored_outcomes import StoredOutcomes
from adamcmp.errors import ConfigError
from adamcmp.storage.columns import EXAMPLE_COLUMNS, METRIC_COLUMNS, RUN_COLUMNS
from adamcmp.storage.looks import NO_LOOKS, LookRecord

#: The columns that every run has.
REQUIRED_COLUMNS = ("run_id", "dataset", "model", "optimizer", "seed", "status")


@final
# Compared by identity, since a comparison of frames has no single truth value.
@dataclass(frozen=True, eq=False)
class RunTable:
    """Runs with the columns that group them, their evaluations, and the selection of settings.

    A *problem* is a dataset with a model, in every variant of them that was trained. Column
    ``optimizer`` holds an optimizer's name, followed by the rule and coupling if a name has
    several. A *setting* is every other column that varied within an optimizer on a problem, except
    the seed.

    The table is immutable, and selection is computed once. Do not modify the frames it returns.

    >>> import pandas as pd
    >>> runs = pd.DataFrame({
    ...     "run_id": ["a", "b"], "dataset": "mnist1d", "model": "mlp", "optimizer": "adamw",
    ...     "lr": [0.01, 0.1], "wd": 0.1, "seed": 0, "status": "done",
    ...     "val_error": [0.3, 0.2], "test_error": [0.31, 0.22],
    ... })
    >>> table = RunTable.from_frames(runs)
    >>> table.problems
    ('mnist1d, mlp',)
    >>> table.selected()[["optimizer", "lr", "test_error"]]
      optimizer   lr  test_error
    1     adamw  0.1        0.22

    Attributes:
        runs: One row per run, including failed ones; columns as on disk, plus ``problem``.
        all_metrics: Evaluations of these runs, and possibly of others.
        searched: The keys that each command of a study searched, by study; see `was_searched`.
        question: What comparisons of these runs ask.
        all_examples: Outcomes on single examples of these runs, and possibly of others.
        looks: The recorded looks at comparisons of these runs.
        require_evaluation: Whether candidates are ranked again only if the best one of them has
            evaluation seeds: see `selection.rank_settings`.
    """

    runs: pd.DataFrame
    all_metrics: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(METRIC_COLUMNS))
    )
    searched: Mapping[str, Sequence[Collection[str]]] = field(default_factory=dict)
    question: Question = ALL_PAIRS
    all_examples: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(EXAMPLE_COLUMNS))
    )
    looks: LookRecord = NO_LOOKS
    require_evaluation: bool = True
    _ranked: dict[str, pd.DataFrame] = field(default_factory=dict, init=False, repr=False)
    _selected: dict[str, pd.DataFrame] = field(default_factory=dict, init=False, repr=False)
    _problems: dict[str, RunTable] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if "problem" not in self.runs:
            raise ValueError("The runs have no column 'problem'. Use RunTable.from_frames.")

    @classmethod
    def from_frames(
        cls,
        runs: pd.DataFrame,
        metrics: pd.DataFrame | None = None,
        examples: pd.DataFrame | None = None,
    ) -> RunTable:
        """Label stored runs, and sort them: see `in_display_order`.

        Args:
            runs: One row per run, such as ``adamcmp.load("first").runs``. Hand-made runs need only
                the columns `REQUIRED_COLUMNS`. Other columns of the registry become null if they
                are missing.
            metrics: One row per run and evaluation; None if no measure needs them.
            examples: One row per run, split and metric, with its outcomes on single examples; None
                if they are unknown.

        Raises:
            ConfigError: If the runs lack a required column.
        """
        numbered = with_group_columns(_with_registered_columns(runs.reset_index(drop=True)))
        labelled = in_display_order(labels.label_runs(_with_text_objects(numbered)))
        others = {"all_metrics": metrics, "all_examples": examples}
        frames: dict[str, Any] = {
            name: _with_text_objects(frame) for name, frame in others.items() if frame is not None
        }
        return cls(labelled, **frames)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row per evaluation of these runs; columns as on disk."""
        return self.all_metrics[self.all_metrics["run_id"].isin(self.runs["run_id"])]

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """The problems, in display order."""
        return tuple(map(str, self.runs["problem"].unique()))

    @cached_property
    def optimizers(self) -> tuple[str, ...]:
        """The optimizers, in display order."""
        return tuple(map(str, self.runs["optimizer"].unique()))

    @cached_property
    def setting_columns(self) -> list[str]:
        """The columns that varied within an optimizer on a problem, lr and wd first."""
        return labels.setting_columns(self.runs)

    @cached_property
    def setting_texts(self) -> pd.Series[str]:
        """Each run's optimizer and setting as one text, equal for equal settings."""
        return labels.setting_texts(self.runs, ["optimizer", *self.setting_columns])

    @cached_property
    def summary(self) -> pd.DataFrame:
        """The selected setting of each problem and optimizer: see `summary.summarize`."""
        return summary.summarize(self)

    def measure(self, problem: str | None = None) -> str:
        """Return the measure of a problem, ``"error"`` or ``"loss"`` by default: see `measure_of`.

        Args:
            problem: One of `problems`; None if the table has a single problem.
        """
        return measure_of(self.runs if problem is None else self.of_problem(problem).runs)

    def metric(self, problem: str | None = None) -> str:
        """Return the metric by which a problem is reported: see `reported_metric`.

        Args:
            problem: One of `problems`; None if the table has a single problem.
        """
        return reported_metric(self.runs if problem is None else self.of_problem(problem).runs)

    def ranked(self, by: str = "optimizer") -> pd.DataFrame:
        """Return the runs with the rank of their setting: see `selection.rank_settings`."""
        if by not in self._ranked:
            self._ranked[by] = selection.rank_settings(
                self, by, require_evaluation=self.require_evaluation
            )
        return self._ranked[by]

    def selected(self, by: str = "optimizer") -> pd.DataFrame:
        """Return the reported runs of each optimizer: see `selection.select_runs`.

        Raises:
            ConfigError: If there are several settings but no validation split.
        """
        if by not in self._selected:
            self._selected[by] = selection.select_runs(self.ranked(by), by)
        return self._selected[by]

    def where(self, mask: pd.Series[bool]) -> RunTable:
        """Return the runs at which `mask` is true.

        If all are, this is the table itself, which has cached its rankings.
        """
        return self if mask.all() else self.with_runs(self.runs[mask])

    @cached_property
    def without_failed(self) -> RunTable:
        """The runs that completed or diverged."""
        return self.where(self.runs["status"] != "failed")

    @cached_property
    def with_paired_seeds(self) -> RunTable:
        """The runs whose optimizers can be compared seed by seed: see `has_paired_seeds`."""
        return self.where(has_paired_seeds(self.runs))

    def of_problem(self, problem: str) -> RunTable:
        """Return the runs of one problem."""
        if problem not in self._problems:
            self._problems[problem] = self.where(self.runs["problem"] == problem)
        return self._problems[problem]

    def by_problem(self) -> Iterator[tuple[str, RunTable]]:
        """Yield each problem with its runs, in display order."""
        for problem in self.problems:
            yield problem, self.of_problem(problem)

    def by_optimizer(self) -> Iterator[tuple[str, str, RunTable]]:
        """Yield each problem and optimizer with its runs, in display order."""
        for (problem, optimizer), runs in self.runs.groupby(labels.GROUP, sort=False):
            yield str(problem), str(optimizer), self.with_runs(runs)

    def with_runs(self, runs: pd.DataFrame) -> RunTable:
        """Return a table of other rows or labels with the same evaluations.

        Args:
            runs: Labelled runs: some of these, or with other columns ``problem``, ``optimizer``.
        """
        return replace(self, runs=runs)

    @cached_property
    def outcomes(self) -> StoredOutcomes:
        """The stored outcomes of runs on single examples."""
        return StoredOutcomes(self.all_examples)

    def recorded_as(
        self, searched: Mapping[str, Sequence[Collection[str]]], looks: LookRecord = NO_LOOKS
    ) -> RunTable:
        """Return the table with what its studies recorded.

        Args:
            searched: The keys that each study's commands searched.
            looks: The looks at comparisons.
        """
        return replace(self, searched=searched, looks=looks)

    def asking(self, question: Question) -> RunTable:
        """Return the table with what comparisons ask.

        Raises:
            ConfigError: If the baseline is not an optimizer of these runs.
        """
        question.check(self.optimizers)
        return replace(self, question=question)

    def was_searched(self, runs: pd.DataFrame, column: str) -> bool | None:
        """Return whether a search proposed the values of a column, or they are a grid.

        Args:
            runs: Some of these runs.
            column: A setting.

        Returns:
            None if their studies do not say it: without a record, or with commands of both kinds.
        """
        studies = {str(study) for study in runs["study"].unique()}
        if not studies <= self.searched.keys():
            return None
        answers = {column in keys for study in studies for keys in self.searched[study]}
        return answers.pop() if len(answers) == 1 else None


def _with_text_objects(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with texts as Python objects instead of arrow strings.

    A frame holds all columns of objects as one array. Each column of arrow strings is an array of
    its own, so selecting rows would take several times as long.
    """
    return frame.astype(dict.fromkeys(frame.select_dtypes("string"), object))


def _with_registered_columns(runs: pd.DataFrame) -> pd.DataFrame:
    """Return runs with every column of `RUN_COLUMNS`, null where they lack one."""
    if absent := [name for name in REQUIRED_COLUMNS if name not in runs]:
        raise ConfigError(
            f"The runs have no column {', '.join(absent)}. They need {', '.join(REQUIRED_COLUMNS)}."
        )
    missing = {name: column.type for name, column in RUN_COLUMNS.items() if name not in runs}
    nulls = {
        name: np.nan if python_type in (int, float) else pd.Series(None, runs.index, object)
        for name, python_type in missing.items()
    }
    return pd.concat([runs, pd.DataFrame(nulls, runs.index)], axis="columns")
