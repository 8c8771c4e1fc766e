"""The tuning budget of each optimizer: settings, runs and steps, and the outcome of its runs."""

from __future__ import annotations

import pandas as pd

from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.measures.measure import Measure, column_headings
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.selection_seeds import shared_seeds
from adamcmp.analysis.wording import MOST_NAMES, display_name, join_names
from adamcmp.storage.columns import STATUSES


def budgets(table: RunTable) -> pd.DataFrame:
    """Return the tuning budget of each optimizer on each problem, and the outcome of its runs.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> budgets(table)[["optimizer", "settings", "runs", "done", "diverged", "missing"]]
      optimizer  settings  runs  done  diverged  missing
    0   adam_l2        25   125   100        25        0
    1     adamw        25   125   125         0        0

    Returns:
        One row per problem and optimizer, with the columns ``problem``, ``optimizer`` and:

        - ``settings``, ``runs``: Their number.
        - ``run_steps``: The configured steps of all runs together.
        - ``done``, ``diverged``, ``failed``: The number of runs with each status.
        - ``missing``: The number of runs that an interrupted sweep left out. The expected seeds of
          every setting are those that most settings of the optimizer have. If another optimizer of
          the problem has all of these seeds and more, its seeds are expected.
        - ``seeds_per_setting``: The mean number of selection seeds per setting. It is NaN for one
          setting, since nothing was selected.
        - ``steps_per_run``: The mean number of steps of the runs with selection seeds.
    """
    columns = [c for c in (*GROUP, "run_id", "seed", "status", "steps") if c in table.runs]
    runs = table.runs[columns].assign(setting=table.setting_texts)
    groups = runs.groupby(GROUP, sort=False)
    result = groups.agg(settings=("setting", "nunique"), runs=("run_id", "count"))
    if "steps" in runs:
        result["run_steps"] = groups["steps"].sum(min_count=1)
    for status in STATUSES:
        result[status] = (runs["status"] == status).groupby([runs[k] for k in GROUP]).sum()
    result["missing"] = 0
    # An optimizer with one setting was not tuned, so it does not determine the seeds of tuned ones.
    for _, group in result.groupby(["problem", result["settings"] > 1], sort=False):
        usual = [_usual_seeds(groups.get_group(key)) for key in group.index]
        for key, seeds in zip(group.index, usual, strict=True):
            supersets = [other for other in usual if seeds and other >= seeds]
            expected = max(supersets, key=len, default=seeds)
            result.loc[key, "missing"] = _missing_runs(groups.get_group(key), expected)
    tuning = {key: _tuning_cost(group) for key, group in groups}
    costs = pd.DataFrame.from_dict(tuning, "index", columns=["seeds_per_setting", "steps_per_run"])
    return pd.concat([result, costs.set_axis(result.index)], axis="columns").reset_index()


def budget_summary(table: pd.DataFrame) -> str:
    """Return the settings and runs of each optimizer as text; equal budgets are listed together.

    >>> from adamcmp.analysis.example import example_table
    >>> budget_summary(budgets(example_table().of_problem("mnist1d, mlp")))
    'Adam+L2 and AdamW had 25 settings and 125 runs each'
    >>> budget_summary(budgets(example_table()))
    'On each problem, Adam+L2 and AdamW had 25 settings and 125 runs each'

    Args:
        table: The value of `budgets`.
    """
    several, uniform = table["problem"].nunique() > 1, _is_same_on_each_problem(table)
    optimizers: dict[tuple[int, int], list[str]] = {}
    for row in (table.drop_duplicates("optimizer") if uniform else table).to_dict("records"):
        name = display_name(row["optimizer"])
        name += f" on {row['problem']}" * (several and not uniform)
        optimizers.setdefault((row["settings"], row["runs"]), []).append(name)
    return "On each problem, " * (several and uniform) + "; ".join(
        f"{join_names(names, MOST_NAMES)} had {settings} setting{'s' * (settings > 1)} and {runs} "
        f"run{'s' * (runs > 1)}{' each' * (len(names) > 1)}"
        for (settings, runs), names in optimizers.items()
    )


def _is_same_on_each_problem(table: pd.DataFrame) -> bool:
    """Return whether each optimizer had the same numbers of settings and runs on each problem."""
    by_optimizer = table.groupby("optimizer")
    same = by_optimizer[["settings", "runs"]].nunique().eq(1).all(axis=None)
    return bool(same and by_optimizer.size().eq(table["problem"].nunique()).all())


def _tuning_cost(runs: pd.DataFrame) -> tuple[float, float]:
    """Return the seeds per setting and the steps per run with which one optimizer was tuned."""
    runs = runs[runs["seed"].isin(shared_seeds(runs["seed"], runs["setting"]))]
    settings = runs["setting"].nunique()
    seeds = len(runs) / settings if settings > 1 else float("nan")
    steps = runs["steps"].astype(float).mean() if "steps" in runs else float("nan")
    return seeds, steps


def _usual_seeds(runs: pd.DataFrame) -> frozenset[int]:
    """Return the seeds that most settings have, which excludes evaluation seeds."""
    per_seed = runs.groupby("seed")["setting"].nunique()
    return frozenset(per_seed.index[per_seed * 2 > runs["setting"].nunique()])


def _missing_runs(runs: pd.DataFrame, expected: frozenset[int]) -> int:
    """Return the number of runs that one optimizer's settings lack for the expected seeds."""
    existing = runs[runs["seed"].isin(expected)].drop_duplicates(["setting", "seed"])
    return runs["setting"].nunique() * len(expected) - len(existing)


def _headline(rows: pd.DataFrame) -> str:
    return f"{budget_summary(rows)}."


BUDGETS = Measure(
    "budgets",
    "Tuning budget of each optimizer",
    "Settings tried, runs, their steps in total, and the outcome of the runs. Missing: runs that "
    "would complete the settings with the seeds that most of them have.",
    budgets,
    _headline,
    headings=column_headings(settings="settings", runs="runs", run_steps="run-steps")
    | {status: status for status in (*STATUSES, "missing")},
    order=30,
)
