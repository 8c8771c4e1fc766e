"""The table of pairs beside the forest plot: who leads, by how much, and its interval as a line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adamcmp.analysis import Verdict, display_name
from adamcmp.analysis.oriented import margin_text, orient
from adamcmp.analysis.wording import bracketed_unit, scale
from adamcmp.reporting.cells import MISSING, p_value_text, with_intervals

#: The share of the axis that is left free at each end.
_MARGIN = 0.04


@dataclass(frozen=True)
class Pair:
    """A row of the table.

    Attributes:
        optimizers: The leading optimizer and the other one.
        text: Which optimizer leads, and whether the difference is significant.
        significant: Whether it is.
        equal: Whether the optimizers are equal within the margin.
        lead: The difference with its interval as text.
        p: The p-value, corrected for the number of comparisons, as text.
        position: Where the difference is on the axis, in percent of its width; None if unknown.
        interval: Where its interval starts and ends; None if there is none.
    """

    optimizers: tuple[str, str]
    text: str
    significant: bool
    equal: bool
    lead: str
    p: str
    position: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class PairTable:
    """The pairs of a problem on a common axis.

    Attributes:
        unit: The unit of the leads, in brackets; empty for losses.
        pairs: The rows, significant differences first.
        ticks: The labels of the axis and their positions in percent.
        zero: The position of 0.
        margin: The margin of equality with its unit; empty without one.
        margin_band: Where differences within the margin start and end; None without one.
    """

    unit: str
    pairs: tuple[Pair, ...]
    ticks: tuple[tuple[str, float], ...]
    zero: float
    margin: str = ""
    margin_band: tuple[float, float] | None = None


def pair_table(verdict: Verdict) -> PairTable:
    """Return the comparisons of a verdict as a table with a forest plot."""
    rows = [orient(row) for row in verdict.rows]
    metric = rows[0]["metric"]
    axis = _Axis.containing(
        [scale(metric) * row[k] for row in rows for k in ("lead", "low", "high")]
    )
    leads = _lead_texts(rows)
    pairs = tuple(_pair(row, lead, axis) for row, lead in zip(rows, leads, strict=True))
    unit = bracketed_unit(metric, difference=True)
    table = PairTable(unit, pairs, axis.ticks(), axis.position(0.0))
    margin = scale(metric) * rows[0]["margin"]
    if math.isnan(margin):
        return table
    band = (axis.position(-margin), axis.position(margin))
    return replace(table, margin=margin_text(rows[0]), margin_band=band)


def _pair(row: Mapping[str, Any], lead_text: str, axis: _Axis) -> Pair:
    size = scale(row["metric"])
    p = row["p_diverged_holm" if row["evidence"] == "divergence" else "p_holm"]
    lead, low, high = (size * row[key] for key in ("lead", "low", "high"))
    return Pair(
        optimizers=(row["a"], row["b"]),
        text=f"{display_name(row['a'])} {_relation(row)} {display_name(row['b'])}",
        significant=bool(row["better"]),
        equal=bool(row["equal"]),
        lead=lead_text,
        p=MISSING if math.isnan(p) else p_value_text(p),
        position=None if math.isnan(lead) else axis.position(lead),
        interval=None if math.isnan(low) else (axis.position(low), axis.position(high)),
    )


def _relation(row: Mapping[str, Any]) -> str:
    if row["evidence"] == "divergence":
        return "diverges less often than"
    if math.isnan(row["lead"]):
        return "and"
    if row["better"]:
        return "beats"
    if row["equal"] or row["lead"] == 0:
        return "equals"
    return "leads"


def _lead_texts(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the differences with their intervals as texts with one number of decimals."""
    columns = ([scale(row["metric"]) * row[key] for row in rows] for key in ("lead", "low", "high"))
    texts = with_intervals(*columns)
    return ["no completed run" if text == MISSING else text for text in texts]


@dataclass(frozen=True)
class _Axis:
    """A horizontal axis from `low` to `high`."""

    low: float
    high: float

    @classmethod
    def containing(cls, values: Sequence[float]) -> _Axis:
        """Return an axis that contains 0 and all finite values."""
        finite = [0.0, *(value for value in values if math.isfinite(value))]
        low, high = min(finite), max(finite)
        margin = _MARGIN * (high - low) or 1.0
        return cls(low - margin, high + margin)

    def position(self, value: float) -> float:
        """Return the position of a value in percent of the width."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 2)

    def ticks(self) -> tuple[tuple[str, float], ...]:
        """Return the labels of round values on the axis, with their positions."""
        from matplotlib.ticker import MaxNLocator

        values = [
            v for v in MaxNLocator(4).tick_values(self.low, self.high) if self.low <= v <= self.high
        ]
        return tuple((f"{value:.6g}".replace("-", "−"), self.position(value)) for value in values)
