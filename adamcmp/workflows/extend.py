"""Extend a study: its grids if a best setting is on an edge, or the seeds of the best settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adamcmp import analysis
from adamcmp.analysis import Edge
from adamcmp.config import Composer, StudyConfig
from adamcmp.platform.addresses import Address
from adamcmp.storage import reader
from adamcmp.workflows.additions import Addition, StoredStudy
from adamcmp.workflows.execution_overrides import parse_execution
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


def configure_extension(
    root: Address, study: str | None, overrides: Sequence[str] = ()
) -> Extension:
    """Return the runs beyond those edges of a study's grids that hold a best setting.

    With ``seeds=N``, these are N evaluation seeds of each optimizer's best setting instead. An
    extension beyond edges that was interrupted is completed first.

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
    execution = parse_execution("adamcmp extend", overrides, "seeds")
    seeds = [override for override in overrides if override.startswith("seeds=")]
    count = len(Composer().sweep(seeds).runs) if seeds else 0
    stored = StoredStudy.read(folder)
    addition = _evaluations(stored, count) if count else _beyond_edges(stored)
    config = stored.config(addition, execution, [f"extend {folder.name}", *overrides])
    return Extension(config, addition.edges)


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


def _beyond_edges(study: StoredStudy) -> Addition:
    interrupted = study.interrupted_addition()
    if interrupted and interrupted.edges:
        return interrupted
    return Addition(edges=tuple(analysis.edges(study.table)))


def _evaluations(study: StoredStudy, count: int) -> Addition:
    """Return `count` seeds of each best setting that selected no setting.

    They follow the seeds of the other settings, so that the same command adds nothing again. If
    there are no other settings, nothing was selected, and they begin at 0.
    """
    ranked = study.table.ranked()
    start = ranked.loc[ranked["rank"] > 0, "seed"].max() + 1 if (ranked["rank"] > 0).any() else 0
    seeds = tuple(range(start, start + count))
    return Addition(seeds=dict.fromkeys(study.table.problems, seeds))
