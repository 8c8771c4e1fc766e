"""Widen the grids of optimizers that are behind one with more settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from operator import itemgetter

from adamcmp.analysis import Edge, RunTable
from adamcmp.analysis.audit import budgets
from adamcmp.analysis.audit.edges import is_paired
from adamcmp.analysis.decay_axes import PRODUCT, axis_values, grid_axes
from adamcmp.analysis.grids import value_beyond


def widened_edges(table: RunTable) -> list[Edge]:
    """Return the edges beyond which further settings make tuning budgets more equal.

    For each optimizer with too few settings, it is the edge nearest to its best setting. There are
    none on problems where unequal budgets do not undermine the verdict.

    Args:
        table: The runs.

    Raises:
        ConfigError: If there is no validation split to select on.
    """
    unequal = {
        finding.problem
        for finding in budgets.check(table)
        if finding.undermines == budgets.UNEQUAL_TUNING
    }
    return [edge for problem in unequal for edge in _of_problem(table.of_problem(problem))]


def _of_problem(table: RunTable) -> Iterator[Edge]:
    arms = [arm for _, _, arm in table.by_optimizer()]
    largest = max(_settings(arm) for arm in arms)
    for arm in arms:
        if _settings(arm) * budgets.UNEQUAL < largest:
            by_distance = sorted(_edges(arm, largest * budgets.UNEQUAL), key=itemgetter(0))
            yield from (edge for _, edge in by_distance[:1])


def _edges(arm: RunTable, limit: float) -> Iterator[tuple[int, Edge]]:
    """Yield each edge of an optimizer's grid, after its distance from the best setting in values.

    Args:
        arm: The runs of an optimizer on one problem.
        limit: The maximum number of settings, including those beyond the edge.
    """
    best = arm.ranked().sort_values("rank").iloc[:1]
    axes = grid_axes(arm.runs)
    for axis in axes:
        if is_paired(arm.runs) or arm.was_searched(arm.runs, axis):
            continue
        on_axis = axis_values(arm.runs, axis)
        values = sorted(map(float, set(on_axis)))
        for value in (values[0], values[-1]):
            beyond = value_beyond(values, value, zero_allowed=axis != "lr", is_grid=True)
            on_edge = arm.where(on_axis == value)
            if beyond is not None and _settings(arm) + _settings(on_edge) <= limit:
                best_value = axis_values(best, axis).iloc[0]
                distance = abs(values.index(best_value) - values.index(value))
                edge = Edge(arm.problems[0], arm.optimizers[0], axis, value, beyond)
                yield distance, replace(edge, keeps_lr_wd=PRODUCT in axes)


def _settings(table: RunTable) -> int:
    return int(table.setting_texts.nunique())
