"""Comparison of two sets of runs that are selected by conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from adamcmp.analysis.arms import Arm
from adamcmp.analysis.comparisons import compare_arms, comparisons
from adamcmp.analysis.metrics import check_metrics
from adamcmp.analysis.question import Question
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.sentences import sentence
from adamcmp.analysis.wording import display_name
from adamcmp.errors import ConfigError
from adamcmp.storage.columns import METRICS
from adamcmp.storage.filters import Condition, no_match, parse_filters
from adamcmp.storage.looks import NO_LOOKS, LookRecord


def compare(
    runs: pd.DataFrame,
    a: str | Sequence[str] = (),
    b: str | Sequence[str] = (),
    metric: str | None = None,
    *,
    examples: pd.DataFrame | None = None,
    baseline: str | None = None,
    margin: float | None = None,
    looks: LookRecord = NO_LOOKS,
) -> pd.DataFrame:
    """Compare two sets of runs on each problem that both have, each at its selected setting.

    With `baseline`, compare this optimizer with each other one instead.

    >>> import pandas as pd
    >>> errors = {"adamw": [0.20, 0.22, 0.21, 0.23, 0.20], "sgd": [0.25, 0.26, 0.27, 0.27, 0.26]}
    >>> runs = pd.DataFrame([
    ...     {"run_id": f"{name}{seed}", "dataset": "mnist1d", "model": "mlp", "optimizer": name,
    ...      "lr": 0.1, "wd": 0.0, "seed": seed, "status": "done", "val_error": error,
    ...      "test_error": error, "train_loss": 0.5}
    ...     for name, values in errors.items() for seed, error in enumerate(values)
    ... ])
    >>> row = compare(runs, "optimizer=adamw", "optimizer=sgd").iloc[0]
    >>> print(f"{row['estimate']:.3f} [{row['ci_low']:.3f}, {row['ci_high']:.3f}]")
    -0.050 [-0.062, -0.038]
    >>> print(row["verdict"].partition(" (")[0])
    AdamW beats SGD on test error by 5.0 points

    Args:
        runs: One row per run, such as ``adamcmp.load("first").runs``.
        a: Conditions that the runs of one arm meet, such as ``"optimizer=adamw"`` or
            ``["optimizer=adamw", "lr=0.01"]``. The setting is selected among these runs on
            validation.
        b: Conditions of the other arm.
        metric: A metric's column; None selects the problem's test error (regression: loss).
        examples: What was measured of single examples, such as ``adamcmp.load("first").examples``;
            intervals then cover the sample of test examples too. None if it is unknown.
        baseline: An optimizer, instead of `a` and `b`. The comparisons of a problem are corrected
            as one family.
        margin: Test whether arms are equal within this difference, in percentage points for errors.
        looks: The earlier looks at these comparisons, which `adamcmp compare` records.

    Returns:
        One row per problem, or with a baseline per problem and other optimizer, with the columns of
        `comparisons` and ``verdict``, a sentence. ``p_holm`` equals ``p_value`` where a problem has
        a single comparison.

    Raises:
        ConfigError: If conditions or the metric are invalid, no run matches or has the metric, or
            the arms have no problem in common.
    """
    check_metrics([metric] if metric else [])
    if not isinstance(runs, pd.DataFrame):
        raise ConfigError(
            f'compare takes a table of runs, such as adamcmp.load("first").runs, not a '
            f"{type(runs).__name__}."
        )
    if runs.empty:
        raise ConfigError("There are no runs to compare.")
    conditions = [[c] if isinstance(c, str) else list(c) for c in (a, b)]
    if all(conditions) == (baseline is not None) or any(conditions) != all(conditions):
        raise ConfigError("compare takes either conditions a and b, or a baseline.")
    labelled = RunTable.from_frames(runs, examples=examples).recorded_as({}, looks)
    question = Question(baseline, margin)
    if baseline is None:
        result = _compare_arms(labelled.asking(question), runs, conditions, metric)
    else:
        result = comparisons(labelled.without_failed.asking(question), metric)
    if result.empty:
        raise ConfigError(f"No problem has runs of {baseline} and of another optimizer.")
    rows = [{str(k): v for k, v in row.items()} for row in result.to_dict("records")]
    return result.assign(verdict=list(map(sentence, rows)))


def _compare_arms(
    labelled: RunTable, runs: pd.DataFrame, conditions: list[list[str]], metric: str | None
) -> pd.DataFrame:
    """Return the comparison of the runs that meet either conditions, on each problem."""
    # Conditions are on stored values; labels may append a variant to the name of an optimizer.
    arms = [_matching(labelled, runs, arm_conditions) for arm_conditions in conditions]
    _check_different(*arms)
    compared = [
        _compare_on(problem, [arm.of_problem(problem) for arm in arms], conditions, metric)
        for problem in _shared_problems(*arms)
    ]
    return pd.concat(compared, ignore_index=True)


def _compare_on(
    problem: str, arms: list[RunTable], conditions: list[list[str]], metric: str | None
) -> pd.DataFrame:
    """Return the comparison of two arms' runs of one problem, a row of `comparisons`."""
    both = arms[0].with_runs(pd.concat([arm.runs for arm in arms]))
    metric = metric or both.metric()
    _check_metric_exists(both.runs, problem, metric)
    first, second = (_arm(each, table) for each, table in zip(conditions, arms, strict=True))
    return compare_arms(problem, [(first, second)], metric, both.question, both.looks)


def _matching(labelled: RunTable, runs: pd.DataFrame, conditions: list[str]) -> RunTable:
    """Return the labelled runs whose stored rows meet the conditions."""
    meets = parse_filters(conditions, list(runs.columns))
    # The labelled runs are in another order.
    matching = [row["run_id"] for row in runs.to_dict("records") if meets(row)]
    matches = labelled.runs[labelled.runs["run_id"].isin(matching)]
    if matches.empty:
        raise ConfigError(no_match(conditions, runs.to_dict("list")))
    if (matches["status"] == "failed").all():
        raise ConfigError(f"All {len(matches)} runs that match {' '.join(conditions)} failed.")
    return labelled.with_runs(matches)


def _check_different(a: RunTable, b: RunTable) -> None:
    if set(a.runs["run_id"]) == set(b.runs["run_id"]):
        raise ConfigError("The conditions of a and of b select the same runs: change one of them.")


def _shared_problems(a: RunTable, b: RunTable) -> list[str]:
    """Return the problems on which both arms have a run that did not fail.

    Raises:
        ConfigError: If there are none.
    """
    problems = [arm.without_failed.problems for arm in (a, b)]
    shared = [problem for problem in problems[0] if problem in problems[1]]
    if not shared:
        first, second = ("; ".join(names) for names in problems)
        raise ConfigError(
            f"The arms have no problem in common. Arm a: {first}. Arm b: {second}. Choose "
            f"conditions that runs of the same dataset and model meet."
        )
    return shared


def _check_metric_exists(runs: pd.DataFrame, problem: str, metric: str) -> None:
    """Check that a completed run has the metric.

    Raises:
        ConfigError: If none does; the message lists the existing metrics.
    """
    done = runs[runs["status"] == "done"]
    if len(done) and done[metric].isna().all():
        existing = ", ".join(m for m in METRICS if m in done and done[m].notna().any())
        raise ConfigError(f"The runs of {problem} have no {metric}. They have: {existing}.")


def _arm(conditions: list[str], table: RunTable) -> Arm:
    """Return an arm, named by its conditions and, if these match several, its optimizer."""
    arm = Arm.select(_name(conditions), table)
    if len(table.optimizers) == 1:
        return arm
    return replace(arm, name=f"{arm.name} ({display_name(arm.reported['optimizer'].iloc[0])})")


def _name(conditions: list[str]) -> str:
    """Return the name of an arm: its optimizer, and its other conditions in brackets."""
    parsed = [Condition.parse(condition) for condition in conditions]
    optimizers = [c for c in parsed if c.column == "optimizer" and c.sign in ("=", "==")]
    if len(optimizers) != 1:
        return ", ".join(conditions)
    others = ", ".join(c.text for c in parsed if c is not optimizers[0])
    return display_name(optimizers[0].operand) + (f" ({others})" if others else "")
