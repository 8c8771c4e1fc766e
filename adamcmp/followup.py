"""What to train next, from what has been trained: fresh seeds of winners, cells beyond an edge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from adamcmp import frame, stats
from adamcmp.config import Execution, Numerics, Place, RunConfig, Select, StudyConfig
from adamcmp.errors import ConfigError, nearest
from adamcmp.plan import RunSpec
from adamcmp.store import Store

if TYPE_CHECKING:
    import pandas as pd

#: The settings behind the axes of a grid.
AXES = {"lr": "lr", "wd": "weight_decay"}


def fresh_seeds(
    config: StudyConfig, folder: Path, specs: Iterable[RunSpec], select: Select
) -> StudyConfig:
    """Return a study's second stage: fresh seeds of its best settings.

    Args:
        config: The first stage.
        folder: Where it was trained.
        specs: Its runs.
        select: Which settings, and how many seeds.

    Raises:
        ConfigError: When there is nothing to choose by.
    """
    configs = {spec.run_id: spec.config for spec in specs}
    runs = frame.load(folder)[0]
    first = runs[runs["run_id"].isin(list(configs))]
    return replace(config, runs=winners(first, configs, select.by, select.top, select.seeds))


def beyond_edges(folder: Path) -> tuple[StudyConfig, list[stats.Edge]]:
    """Return what would extend a study, and the edges that it goes beyond.

    Raises:
        AdamcmpError: When the study cannot be read, or has nothing to choose by.
    """
    Store(folder).numerics()  # refuses imported runs
    runs = frame.load(folder)[0]
    rows = frame.runs_table(folder).to_pylist()
    configs = {row["run_id"]: RunConfig.from_columns(row) for row in rows}
    found = stats.edges(runs) if len(runs) else []
    place = Place(study=folder.name, results=str(folder.parent))
    asked = (f"extend {folder.name}",)
    more = beyond(runs, configs, found)
    return StudyConfig(more, place, Numerics(), Execution(), asked), found


def winners(
    runs: pd.DataFrame, configs: Mapping[str, RunConfig], by: str, top: int, seeds: int
) -> tuple[RunConfig, ...]:
    """Return the best settings with seeds that no run has had yet.

    Args:
        runs: Rows of `runs` to choose from, on validation.
        configs: What was asked, by run id: of all these rows.
        by: Column whose values each have winners of their own, on each problem.
        top: Winners of each.
        seeds: Fresh seeds of each winner.

    Raises:
        ConfigError: When there is no such column, or no validation split to choose on.
    """
    if by not in runs:
        raise ConfigError(f"select.by={by}: runs have no such column.{nearest(by, runs.columns)}")
    first = max(config.protocol.seed for config in configs.values()) + 1
    ranked = stats.ranked(stats.labelled(runs), by)
    best = ranked[ranked["rank"] < top].drop_duplicates([*stats.PROBLEM, by, "rank"])
    return tuple(
        _seeded(configs[run_id], seed)
        for run_id in best["run_id"]
        for seed in range(first, first + seeds)
    )


def _seeded(config: RunConfig, seed: int) -> RunConfig:
    return replace(config, protocol=config.protocol.model_copy(update={"seed": seed}))


def beyond(
    runs: pd.DataFrame, configs: Mapping[str, RunConfig], found: Iterable[stats.Edge]
) -> tuple[RunConfig, ...]:
    """Return the cells beyond edges: what lies on the edge, moved; where two meet, the corner too.

    Args:
        runs: Rows of `runs`.
        configs: What was asked, by run id: of all these rows.
        found: What `stats.edges` returned.
    """
    labelled = stats.labelled(runs)
    new: dict[str, list[RunConfig]] = {}
    for edge in found:
        own = (labelled["problem"] == edge.problem) & (labelled["optimizer"] == edge.optimizer)
        on = labelled[own & (labelled[edge.axis] == edge.best)]
        seeds = stats.choosing_seeds(labelled[own])
        cells = [configs[r] for r, s in zip(on["run_id"], on["seed"], strict=True) if s in seeds]
        # An edge found before it met this one: what was moved there is moved here too.
        cells += [c for c in new.get(edge.optimizer + edge.problem, []) if _at(c, edge)]
        moved = [_moved(cell, edge) for cell in cells]
        new.setdefault(edge.optimizer + edge.problem, []).extend(moved)
    return tuple(config for configs in new.values() for config in configs)


def _at(config: RunConfig, edge: stats.Edge) -> bool:
    return bool(getattr(config.optimizer, AXES[edge.axis]) == edge.best)


def _moved(config: RunConfig, edge: stats.Edge) -> RunConfig:
    optimizer = config.optimizer.model_copy(update={AXES[edge.axis]: edge.beyond})
    return replace(config, optimizer=optimizer)
