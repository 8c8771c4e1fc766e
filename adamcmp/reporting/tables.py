"""A statistic's table as people read it: on the page, in a terminal, in Markdown, LaTeX, csv."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from adamcmp.storage.columns import METRICS

#: What a metric that is judged by is called; the least is the best.
_JUDGED = ("val_error", "test_error", "val_loss", "test_loss")
_NOTHING = "–"


@dataclass(frozen=True)
class Table:
    """A statistic of the report.

    Attributes:
        name: Its file's name, without a suffix.
        title: What it is called.
        about: What it says, and how it was computed.
        data: The tidy table; None when there is none.
        missing: Why there is none.
        labels: What stands above the columns that people read, by name; csv files have all of
            them. Empty: all columns, by their names.
        across: A column whose values stand side by side, each above its estimates.
    """

    name: str
    title: str
    about: str
    data: pd.DataFrame | None = None
    missing: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    across: str = ""


@dataclass(frozen=True)
class Column:
    """A column as it is shown.

    Attributes:
        name: Its name in the data.
        label: What stands above it.
        metric: The metric it holds; empty for others.
        numeric: Whether it holds numbers.
        texts: What stands in its cells.
        values: What its cells are sorted by: numbers or texts; None where a value is missing.
        best: The rows with the best value of their problem.
    """

    name: str
    label: str
    texts: list[str]
    values: list[Any]
    metric: str = ""
    numeric: bool = True
    best: Collection[int] = field(default_factory=frozenset)


def columns(table: Table) -> list[Column]:
    """Return a table's columns as people read them; none where there is no table.

    An estimate and its interval are one column, rounded to two digits of the interval's width; a
    mean and its standard deviation likewise. A column that says ``problem`` is left out where
    there is one problem.
    """
    if table.data is None:
        return []
    data = table.data
    names = [str(name) for name in (table.labels or data) if name in data]
    parts = {part for name in names for part in _spread(name, data)}
    if "problem" in data and data["problem"].nunique() == 1:
        parts.add("problem")
    shown = [name for name in names if name not in parts]
    if table.across:
        keys = [name for name in shown if name not in (table.across, "estimate")]
        return _side_by_side(table, data, keys)
    return [_column(name, data, table.labels.get(name, _label(name))) for name in shown]


def _side_by_side(table: Table, data: pd.DataFrame, keys: list[str]) -> list[Column]:
    """Return the columns of keys, then one for each value of ``across``."""
    rows = data[keys].drop_duplicates()
    found = [_column(key, rows, table.labels[key]) for key in keys]
    for value, part in data.groupby(table.across, sort=False):
        label = f"{table.labels[table.across]} {_text(value)}".strip()
        column = _column("estimate", rows.merge(part, how="left", on=keys), label)
        found.append(replace(column, label=label))  # what it is, the title says
    return found


def _spread(name: str, data: pd.DataFrame) -> list[str]:
    """Return the columns of a column's interval, or of its standard deviation; none without."""
    if name == "estimate":
        return [c for c in ("ci_low", "ci_high") if c in data]
    for stem in (f"{name}_ci", name, name.rpartition("_")[0]):
        if f"{stem}_low" in data and f"{stem}_high" in data:
            ends = [f"{stem}_low", f"{stem}_high"]
            return [] if name in ends else ends
    return [f"{name}_sd"] if f"{name}_sd" in data else []


def _column(name: str, data: pd.DataFrame, label: str) -> Column:
    values, spread = data[name], [data[part] for part in _spread(name, data)]
    texts = [(_p_value if name.startswith("p_") else _text)(value) for value in values]
    if name == "metric":
        texts = [text.replace("_", " ") for text in texts]
    if len(spread) == 2:
        texts = [_with_interval(*row) for row in zip(values, *spread, strict=True)]
        label += " [95 % interval]" if name == "estimate" else ""
    elif spread:
        texts = [_with_deviation(*row) for row in zip(values, *spread, strict=True)]
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    raw = numeric or name == "metric"
    keys = [None if pd.isna(v) else v for v in values] if raw else texts
    metric = name if name in METRICS else ""
    return Column(name, label, texts, keys, metric, numeric, _best(name, data))


def _best(name: str, data: pd.DataFrame) -> frozenset[int]:
    if name not in _JUDGED or "problem" not in data or len(data) < 2:
        return frozenset()
    least = data.groupby("problem")[name].transform("min")
    return frozenset(i for i, best in enumerate(data[name] == least) if best)


def _label(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if hasattr(value, "__iter__"):
        return ", ".join(map(_text, value))
    if pd.isna(value):
        return _NOTHING
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    return _number(value, ".3g") if isinstance(value, float) else str(value)


def _p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else _text(float(f"{value:.2g}"))


def _number(value: float, form: str) -> str:
    text = format(value, f"z{form}")  # no negative zero
    return "−" + text[1:] if text.startswith("-") else text


def _with_interval(estimate: float, low: float, high: float) -> str:
    if pd.isna(estimate):
        return _NOTHING
    if pd.isna(low) or pd.isna(high):
        return _number(estimate, ".3g")
    form = f".{_places(high - low)}f" if 0 < high - low < math.inf else ".3g"
    return f"{_number(estimate, form)} [{_number(low, form)}, {_number(high, form)}]"


def _with_deviation(mean: float, sd: float) -> str:
    if pd.isna(mean):
        return _NOTHING
    form = f".{min(_places(sd), 4)}f" if sd > 0 else ".3f"
    return _number(mean, form) if pd.isna(sd) else f"{_number(mean, form)} ± {sd:{form}}"


def _places(width: float) -> int:
    """Return the decimal places that show two digits of a width."""
    return min(max(1 - math.floor(math.log10(width)), 0), 8)


def as_csv(table: Table) -> str:
    """Return a table's data, every digit of it."""
    return "" if table.data is None else table.data.to_csv(index=False)


def as_markdown(table: Table) -> str:
    """Return a table as Markdown: title, pipe table with the best in bold, what it says."""
    from tabulate import tabulate

    if table.data is None:
        return f"## {table.title}\n\n{table.missing}\n"
    cells = _styled(table, lambda text: text.replace("|", "\\|"), "**{}**".format)
    body = tabulate(cells, headers="keys", tablefmt="pipe", disable_numparse=True)
    return f"## {table.title}\n\n{body}\n\n{table.about}\n"


def as_latex(table: Table) -> str:
    """Return a table as LaTeX for the package booktabs, the best in bold."""
    if table.data is None:
        return f"% {table.title}: {' '.join(table.missing.split())}\n"
    cells = _styled(table, latex, r"\textbf{{{}}}".format)
    shown = pd.DataFrame({latex(label): texts for label, texts in cells.items()})
    aligned = "".join("r" if c.numeric else "l" for c in columns(table))
    text: str = shown.style.hide(axis="index").to_latex(
        hrules=True,
        column_format=aligned,
        position_float="centering",
        caption=latex(f"{table.title}. {table.about}"),
        label=f"tab:{table.name}",
    )
    return text


def _styled(
    table: Table, escaped: Callable[[str], str], bold: Callable[[str], str]
) -> dict[str, list[str]]:
    found = {}
    for column in columns(table):
        texts = [escaped(text) for text in column.texts]
        found[column.label] = [bold(t) if i in column.best else t for i, t in enumerate(texts)]
    return found


#: Signs that LaTeX reads as commands, or that its fonts lack.
_LATEX = {
    **{sign: "\\" + sign for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": "$-$",
    "–": "--",
    "η": r"$\eta$",
    "λ": r"$\lambda$",
}


def latex(text: str) -> str:
    """Return a text that LaTeX prints as it stands."""
    return "".join(_LATEX.get(sign, sign) for sign in text)


#: How `adamcmp report --format` prints a table.
FORMATS: dict[str, Callable[[Table], str]] = {
    "md": as_markdown,
    "csv": as_csv,
    "latex": as_latex,
}
