"""Extend a study: its grids if a best setting is on an edge, or the seeds of the best settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from adamcmp import analysis
from adamcmp.analysis import Edge, RunTable
from adamcmp.components.names import HYPERPARAMETER_FIELDS
from adamcmp.config import Composer, Execution, Numerics, ResultsLocation, RunConfig, StudyConfig
from adamcmp.errors import ConfigError, NotFound
from adamcmp.storage import reader
from adamcmp.storage.metadata import searched_keys
from adamcmp.storage.store import Store
from adamcmp.workflows.study_stages import winners
from adamcmp.workflows.training import SweepResult, TrainingOptions, train


@dataclass(frozen=True)
class Extension:
    """The runs that extend a study.

    Attributes:
        config: The runs to add.
        edges: The edges beyond which the runs lie; empty if no best setting is on an edge, or if
            seeds are added.
    """

    config: StudyConfig
    edges: tuple[Edge, ...]


def configure_extension(root: Path, study: str | None, overrides: Sequence[str] = ()) -> Extension:
    """Return the runs beyond those edges of a study's grids that hold a best setting.

    With ``seeds=N``, these are N evaluation seeds of each optimizer's best setting instead.

    Args:
        root: The folder of all studies.
        study: The name of the study; None selects the latest.
        overrides: ``"seeds=5"``, and settings of execution, such as ``"workers=2"``.

    Raises:
        ConfigError: If an override is neither.
        NotFound: If the study does not exist, or has no run with status ``done``.
        StoreError: If the study is damaged.
    """
    folder = reader.study_folder(root, study)
    execution, seeds = _parsed(overrides)
    Store(folder).numerics()  # raises for a study of imported runs
    runs = reader.load_runs(folder)
    rows = reader.read_final_rows(folder)
    configs = {run_id: RunConfig.from_columns(row) for run_id, row in rows.items()}
    if runs.empty:
        raise NotFound(reader.no_runs(folder))
    if not (runs["status"] == "done").any():
        raise NotFound(f"Study {folder.name!r} has no completed run to extend.")
    searched = searched_keys(folder)
    table = RunTable.from_frames(runs).recorded_as({folder.name: searched} if searched else {})
    edges = [] if seeds else analysis.edges(table)
    added = _evaluations(table, configs, seeds) if seeds else beyond(table, configs, edges)
    location = ResultsLocation(study=folder.name, results=str(folder.parent))
    command = (f"extend {folder.name}", *overrides)
    # Numerics that are not set are those of the study.
    return Extension(StudyConfig(added, location, Numerics(), execution, command), tuple(edges))


def extend(extension: Extension, options: TrainingOptions) -> SweepResult:
    """Train the runs of an extension that do not exist yet.

    Args:
        extension: The runs; see `configure_extension`.
        options: How to train.

    Raises:
        Interrupted: If a signal ended training; the finished work is stored.
    """
    if not extension.config.runs:
        return SweepResult(extension.config.location.folder, run_ids=(), trained=())
    return SweepResult.of(train(extension.config, options))


def _parsed(overrides: Sequence[str]) -> tuple[Execution, int]:
    """Return the settings of execution, and the number of seeds to add; 0 without ``seeds=``."""
    for override in overrides:
        if override.partition("=")[0] not in ("seeds", *Execution.model_fields):
            known = ", ".join(f"{name}=" for name in Execution.model_fields)
            raise ConfigError(
                f"{override}: `extend` keeps the study's settings and accepts only seeds=, {known}."
            )
    seeds = [override for override in overrides if override.startswith("seeds=")]
    others = [override for override in overrides if override not in seeds]
    execution = Composer().run(others).execution if others else Execution()
    return execution, len(Composer().sweep(seeds).runs) if seeds else 0


def _evaluations(
    table: RunTable, configs: Mapping[str, RunConfig], count: int
) -> tuple[RunConfig, ...]:
    """Return each optimizer's best setting with `count` seeds that selected no setting.

    They follow the seeds of the other settings, so that the same command adds nothing again. If
    there are no other settings, nothing was selected, and they begin at 0.
    """
    ranked = table.ranked()
    start = ranked.loc[ranked["rank"] > 0, "seed"].max() + 1 if (ranked["rank"] > 0).any() else 0
    return winners(table, configs, "optimizer", 1, range(start, start + count))


def beyond(
    table: RunTable, configs: Mapping[str, RunConfig], edges: Iterable[Edge]
) -> tuple[RunConfig, ...]:
    """Return the runs beyond edges; if two edges meet, also those beyond the corner.

    Args:
        table: The runs.
        configs: The configuration of each of these runs, by run id.
        edges: Edges of the grids of these runs.
    """
    added: dict[tuple[str, str], list[RunConfig]] = {}
    for edge in edges:
        problem = table.of_problem(edge.problem)
        arm = problem.where(problem.runs["optimizer"] == edge.optimizer)
        on_edge = arm.runs[arm.runs[edge.axis] == edge.best]
        # New cells get the seeds of the grid. Only a selected setting has evaluation seeds.
        seeds = analysis.selection_seeds(arm)
        pairs = zip(on_edge["run_id"], on_edge["seed"], strict=True)
        to_move = [configs[run_id] for run_id, seed in pairs if seed in seeds]
        # Runs added beyond an earlier edge that are on this edge, moved, form the corner.
        previous = added.setdefault((edge.optimizer, edge.problem), [])
        to_move += [config for config in previous if _is_on(config, edge)]
        previous.extend([_moved(config, edge) for config in to_move])
    return tuple(config for moved in added.values() for config in moved)


def _is_on(config: RunConfig, edge: Edge) -> bool:
    return bool(getattr(config.optimizer, HYPERPARAMETER_FIELDS[edge.axis]) == edge.best)


def _moved(config: RunConfig, edge: Edge) -> RunConfig:
    update = {HYPERPARAMETER_FIELDS[edge.axis]: edge.beyond}
    return replace(config, optimizer=config.optimizer.model_copy(update=update))
