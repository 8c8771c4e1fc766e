"""Check: is the best value of another setting the first or last one tried?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from pandas.api.types import is_bool_dtype, is_integer_dtype, is_numeric_dtype

from adamcmp.analysis.audit.finding import ON_EDGES, Finding
from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name
from adamcmp.storage.columns import run_columns

#: Groups of settings that are not tuned.
_NOT_TUNED = ("epochs", "steps", "divergence", "eval")


@dataclass(frozen=True)
class End:
    """A selected setting with the smallest or largest value tried.

    Attributes:
        problem: The dataset and model.
        optimizer: The optimizer's label.
        setting: The setting's name without its group: ``momentum``, ``beta2``, ``batch_size``.
        best: Its value at the selected setting.
    """

    problem: str
    optimizer: str
    setting: str
    best: float


def ends(table: RunTable) -> list[End]:
    """Return the settings, except lr and wd, whose best value is the first or last one tried.

    At least three values must have been tried, and no setting with another value may equal the best
    one. Excluded are limits of the allowed range (0, and 1 for a fraction or an integer), settings
    of a search, which have a different value in each setting, and settings of the dataset or model,
    which define another problem.

    Raises:
        ConfigError: If there is no validation split to select on.
    """
    table = table.without_failed
    columns = [c for c in table.setting_columns if c.partition(".")[0] not in _NOT_TUNED]
    runs, ranked, result = table.runs, table.ranked(), []
    for (problem, optimizer), best in ranked[ranked["best"]].groupby(GROUP, sort=False):
        tried = runs[(runs["problem"] == problem) & (runs["optimizer"] == optimizer)]
        texts = tried[columns].map(str)
        settings = len(texts.drop_duplicates())
        several_varied = (texts.nunique() > 1).sum() > 1
        at_best = dict(_numeric_settings(best[columns]))
        for setting, values in _numeric_settings(tried[columns]):
            # Without a record: a search gives each setting another value, a grid repeats them.
            searched = table.was_searched(tried, str(values.name))
            if searched is None:
                searched = several_varied and values.nunique() == settings
            if values.nunique() < 3 or searched or at_best[setting].nunique() > 1:
                continue
            value = float(at_best[setting].astype(float).iloc[0])  # NaN where it has none
            if value in (values.min(), values.max()) and not _is_limit(values, value):
                result.append(End(str(problem), str(optimizer), setting, value))
    return result


def _numeric_settings(settings: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    """Yield the numeric settings except lr and wd by name, the two betas separately."""
    for column in settings.columns.difference(["lr", "wd"], sort=False):
        values = settings[column]
        if column == "optimizer.betas":
            yield from (("beta1", _item(values, 0)), ("beta2", _item(values, 1)))
        elif is_numeric_dtype(values) and not is_bool_dtype(values):
            yield column.rpartition(".")[2], values


def _item(values: pd.Series, index: int) -> pd.Series:
    return values.map(lambda items: items[index], na_action="ignore").astype(float)


def _is_limit(values: pd.Series, value: float) -> bool:
    """Return whether a value is a limit of the allowed range of a column."""
    # Imported runs have settings without the path that registered columns have.
    name = str(values.name).rpartition(".")[2]
    fractions = {c.name.rpartition(".")[2] for c in run_columns().values() if c.unit == "fraction"}
    return value == 0 or (value == 1 and (name in fractions or is_integer_dtype(values)))


def check(table: RunTable) -> Iterator[Finding]:
    """Yield optimizers whose selected setting has a first or last value."""
    values: dict[tuple[str, str], list[str]] = {}
    for end in ends(table):
        value = f"{end.setting.replace('_', ' ')} {end.best:g}"
        values.setdefault((end.problem, end.optimizer), []).append(value)
    for (problem, optimizer), texts in values.items():
        yield Finding(
            "edge",
            "warning",
            problem,
            f"The best setting of {display_name(optimizer)} has the smallest or largest value "
            f"tried ({' and '.join(texts)}); a better one may be beyond it.",
            undermines=ON_EDGES,
        )
