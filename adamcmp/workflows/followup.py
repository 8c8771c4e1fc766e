"""What to train next, from what has been trained: fresh seeds of winners, cells beyond an edge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from adamcmp import analysis
from adamcmp.config import Execution, Numerics, ResultsLocation, RunConfig, Select, StudyConfig
from adamcmp.errors import ConfigError, NotFound, nearest
from adamcmp.planning.specs import RunSpec, run_specs
from adamcmp.storage import reader
from adamcmp.storage.store import Store

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
    runs = reader.load(folder)[0]
    first = runs[runs["run_id"].isin(list(configs))]
    return replace(config, runs=winners(first, configs, select.by, select.top, select.seeds))


def both_stages(config: StudyConfig, select: Select) -> StudyConfig:
    """Return a study's two stages together, to see what they take.

    Where the first stage is not there yet, nobody knows its winners: other settings of it stand
    in for them.

    Raises:
        ConfigError: When there is nothing to choose by.
    """
    check_select(config, select)
    store = Store(config.location.folder)
    numerics = store.numerics()
    specs = run_specs(config, numerics) if numerics else ()
    there = store.statuses()
    if specs and all(spec.run_id in there for spec in specs):
        second = fresh_seeds(config, config.location.folder, specs, select).runs
    else:
        second = _stand_ins(config.runs, select)
    return replace(config, runs=(*config.runs, *second))


def check_select(config: StudyConfig, select: Select) -> None:
    """Refuse, before anything is trained, a column that runs will not have.

    Raises:
        ConfigError: Naming the nearest one.
    """
    known = RunSpec("", config.runs[0], config.numerics).columns()
    if select.by not in known:
        raise ConfigError(
            f"select.by={select.by}: runs have no such column.{nearest(select.by, known)}"
        )


def _stand_ins(runs: Iterable[RunConfig], select: Select) -> tuple[RunConfig, ...]:
    first = max(run.protocol.seed for run in runs) + 1
    found: dict[tuple[str, str, str], dict[RunConfig, None]] = {}
    for run in runs:
        value = RunSpec("", run, Numerics()).columns()[select.by]
        settings = found.setdefault((run.dataset.name, run.model.name, str(value)), {})
        if len(settings) < select.top:
            settings[_seeded(run, first)] = None
    seeds = range(first, first + select.seeds)
    chosen = (run for settings in found.values() for run in settings)
    return tuple(_seeded(run, seed) for run in chosen for seed in seeds)


def beyond_edges(
    folder: Path, execution: Execution | None = None
) -> tuple[StudyConfig, list[analysis.Edge]]:
    """Return what would extend a study, and the edges that it goes beyond.

    Args:
        folder: The study's.
        execution: How the work is spread; None is as usual.

    Raises:
        AdamcmpError: When the study cannot be read, or has nothing to choose by.
    """
    Store(folder).numerics()  # refuses imported runs
    runs = reader.load(folder)[0]
    rows = reader.read_runs(folder).to_pylist()
    configs = {row["run_id"]: RunConfig.from_columns(row) for row in rows}
    if runs.empty or not (runs["status"] == "done").any():
        raise NotFound(f"Study {folder.name!r} has no run that ended: there is nothing to extend.")
    found = analysis.edges(analysis.labelled(runs))
    place = ResultsLocation(study=folder.name, results=str(folder.parent))
    asked = (f"extend {folder.name}",)
    more = beyond(runs, configs, found)
    return StudyConfig(more, place, Numerics(), execution or Execution(), asked), found


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
        ConfigError: When there is no validation split to choose on.
    """
    first = max(config.protocol.seed for config in configs.values()) + 1
    ranked = analysis.ranked(analysis.labelled(runs), by)
    best = ranked[ranked["rank"] < top].drop_duplicates([*analysis.PROBLEM, by, "rank"])
    return tuple(
        _seeded(configs[run_id], seed)
        for run_id in best["run_id"]
        for seed in range(first, first + seeds)
    )


def _seeded(config: RunConfig, seed: int) -> RunConfig:
    return replace(config, protocol=config.protocol.model_copy(update={"seed": seed}))


def beyond(
    runs: pd.DataFrame, configs: Mapping[str, RunConfig], found: Iterable[analysis.Edge]
) -> tuple[RunConfig, ...]:
    """Return the cells beyond edges: what lies on the edge, moved; where two meet, the corner too.

    Args:
        runs: Rows of `runs`.
        configs: What was asked, by run id: of all these rows.
        found: What `analysis.edges` returned.
    """
    labelled = analysis.labelled(runs)
    new: dict[str, list[RunConfig]] = {}
    for edge in found:
        own = (labelled["problem"] == edge.problem) & (labelled["optimizer"] == edge.optimizer)
        on = labelled[own & (labelled[edge.axis] == edge.best)]
        seeds = analysis.choosing_seeds(labelled[own])
        cells = [configs[r] for r, s in zip(on["run_id"], on["seed"], strict=True) if s in seeds]
        # An edge found before it met this one: what was moved there is moved here too.
        cells += [c for c in new.get(edge.optimizer + edge.problem, []) if _at(c, edge)]
        moved = [_moved(cell, edge) for cell in cells]
        new.setdefault(edge.optimizer + edge.problem, []).extend(moved)
    return tuple(config for configs in new.values() for config in configs)


def _at(config: RunConfig, edge: analysis.Edge) -> bool:
    return bool(getattr(config.optimizer, AXES[edge.axis]) == edge.best)


def _moved(config: RunConfig, edge: analysis.Edge) -> RunConfig:
    optimizer = config.optimizer.model_copy(update={AXES[edge.axis]: edge.beyond})
    return replace(config, optimizer=optimizer)
