"""Add runs to a stored study: beyond the edges of its grids, or seeds of its best settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import pandas as pd

from adamcmp import analysis
from adamcmp.analysis import Edge, RunTable
from adamcmp.analysis.decay_axes import PRODUCT, axis_values
from adamcmp.components.names import HYPERPARAMETER_FIELDS
from adamcmp.components.trusted_code import settings_of
from adamcmp.config import Execution, Numerics, ResultsLocation, RunConfig, StudyConfig
from adamcmp.config.decay_product import decay_of_product
from adamcmp.errors import NotFound
from adamcmp.planning.specs import run_specs
from adamcmp.platform.addresses import Address
from adamcmp.storage import reader
from adamcmp.storage.metadata import last_addition, requested_runs, searched_keys
from adamcmp.storage.store import Store
from adamcmp.workflows.best_settings import runs_of_best_settings, with_seed


@dataclass(frozen=True)
class StoredStudy:
    """The runs of a study that adamcmp trained.

    Attributes:
        folder: The folder of the study.
        table: The runs.
        configs: The configuration of each run, by run id.
    """

    folder: Address
    table: RunTable
    configs: Mapping[str, RunConfig]

    @classmethod
    def read(cls, folder: Address) -> Self:
        """Read a study.

        Raises:
            NotFound: If it has no run with status ``done``.
            ConfigError: If its runs were imported.
            UntrustedCode: If its runs name code that is not trusted.
            StoreError: If it is damaged.
        """
        Store(folder).numerics()  # raises for a study of imported runs
        runs = reader.load_runs(folder)
        rows = reader.read_final_rows(folder)
        with settings_of(folder / "runs"):
            configs = {run_id: RunConfig.from_columns(row) for run_id, row in rows.items()}
        if runs.empty:
            raise NotFound(reader.no_runs(folder))
        if not (runs["status"] == "done").any():
            raise NotFound(f"Study {folder.name!r} has no completed run to extend.")
        searched = searched_keys(folder)
        table = RunTable.from_frames(runs).recorded_as({folder.name: searched} if searched else {})
        # The best candidate gets its evaluation seeds after it was ranked again.
        return cls(folder, replace(table, require_evaluation=False), configs)

    @property
    def missing_runs(self) -> int:
        """The number of runs that a command requested and that have not ended."""
        return max(requested_runs(self.folder) - len(self.configs), 0)

    def interrupted_addition(self) -> Addition | None:
        """Return the last addition if some of its runs have not ended."""
        record = last_addition(self.folder) if self.missing_runs else None
        addition = Addition.of_record(record) if record else None
        return addition if addition and self.new_runs(addition) else None

    def new_runs(self, addition: Addition) -> int:
        """Return how many runs of an addition are not stored."""
        config = self.config(addition, Execution(), ())
        numerics = Store(self.folder).numerics() or Numerics()
        return sum(spec.run_id not in self.configs for spec in run_specs(config, numerics))

    def config(
        self, addition: Addition, execution: Execution, command: Sequence[str]
    ) -> StudyConfig:
        """Return the configuration that trains an addition.

        Args:
            addition: The runs.
            execution: How they are trained.
            command: The command, to be recorded.
        """
        location = ResultsLocation(study=self.folder.name, results=str(self.folder.parent))
        # Numerics that are not set are those of the study.
        return StudyConfig(
            addition.runs(self),
            location,
            Numerics(),
            execution,
            tuple(command),
            addition=addition.record(),
        )


@dataclass(frozen=True)
class Addition:
    """Runs to add to a study.

    The study records it, so that it can be completed after an interruption. Without the record, the
    runs that had ended would be taken for a grid with other edges, or for other selection seeds.

    Attributes:
        edges: The edges beyond which runs are added, on the selection seeds.
        seeds: The seeds of each optimizer's best setting, by problem.
        candidate_seeds: The seeds of other settings, by the id of one of the setting's runs.
    """

    edges: tuple[Edge, ...] = ()
    seeds: Mapping[str, Sequence[int]] = field(default_factory=dict)
    candidate_seeds: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.edges or self.seeds or self.candidate_seeds)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Self:
        """Return an addition from its record."""
        edges = tuple(Edge(**edge) for edge in record.get("edges", []))
        by_name = (
            {name: tuple(listed) for name, listed in record.get(key, {}).items()}
            for key in ("seeds", "candidate_seeds")
        )
        return cls(edges, *by_name)

    def record(self) -> dict[str, Any]:
        """Return the addition as plain values."""
        edges = [asdict(edge) for edge in self.edges]
        seeds, candidate_seeds = (
            {name: list(numbers) for name, numbers in by_name.items()}
            for by_name in (self.seeds, self.candidate_seeds)
        )
        record = {"edges": edges, "seeds": seeds, "candidate_seeds": candidate_seeds}
        return {name: value for name, value in record.items() if value}

    def runs(self, study: StoredStudy) -> tuple[RunConfig, ...]:
        """Return the runs, some of which may be stored.

        Args:
            study: The study, with any of these runs.
        """
        beyond_edges = runs_beyond(study.table, study.configs, self.edges)
        of_best_settings = [
            run
            for problem, seeds in self.seeds.items()
            for run in _of_best_settings(study, problem, seeds)
        ]
        of_candidates = [
            with_seed(study.configs[run_id], seed)
            for run_id, seeds in self.candidate_seeds.items()
            for seed in seeds
        ]
        return (*beyond_edges, *of_candidates, *of_best_settings)


def runs_beyond(
    table: RunTable, configs: Mapping[str, RunConfig], edges: Sequence[Edge]
) -> tuple[RunConfig, ...]:
    """Return the runs beyond edges; if two edges meet, also those beyond the corner.

    Args:
        table: The runs. Those that are beyond the edges already are ignored.
        configs: The configuration of each of these runs, by run id.
        edges: Edges of the grids of these runs.
    """
    runs: dict[tuple[str, str], list[RunConfig]] = {}
    for edge in edges:
        arm = _arm(table, edge)
        for other in edges:
            if (other.problem, other.optimizer) == (edge.problem, edge.optimizer):
                arm = arm.where(axis_values(arm.runs, other.axis) != other.beyond)
        on_edge = arm.runs[axis_values(arm.runs, edge.axis) == edge.best]
        # New settings get the selection seeds. Only the selected setting has evaluation seeds.
        seeds = analysis.selection_seeds(arm)
        pairs = zip(on_edge["run_id"], on_edge["seed"], strict=True)
        to_move = [configs[run_id] for run_id, seed in pairs if seed in seeds]
        # Runs added beyond an earlier edge that are on this edge, moved, form the corner.
        previous = runs.setdefault((edge.optimizer, edge.problem), [])
        to_move += [config for config in previous if _is_on(config, edge)]
        previous.extend([_moved(config, edge) for config in to_move])
    return tuple(config for of_arm in runs.values() for config in of_arm)


def _arm(table: RunTable, edge: Edge) -> RunTable:
    problem = table.of_problem(edge.problem)
    return problem.where(problem.runs["optimizer"] == edge.optimizer)


def _is_on(config: RunConfig, edge: Edge) -> bool:
    settings = pd.DataFrame([{"lr": config.optimizer.lr, "wd": config.optimizer.weight_decay}])
    return bool(axis_values(settings, edge.axis).iloc[0] == edge.best)


def _moved(config: RunConfig, edge: Edge) -> RunConfig:
    optimizer = config.optimizer
    if edge.axis == PRODUCT:
        update = {"weight_decay": decay_of_product(edge.beyond, optimizer.lr)}
    else:
        update = {HYPERPARAMETER_FIELDS[edge.axis]: edge.beyond}
    if edge.axis == "lr" and edge.keeps_lr_wd:
        settings = pd.DataFrame([{"lr": optimizer.lr, "wd": optimizer.weight_decay}])
        product = float(axis_values(settings, PRODUCT).iloc[0])
        update["weight_decay"] = decay_of_product(product, edge.beyond)
    return replace(config, optimizer=optimizer.model_copy(update=update))


def _of_best_settings(
    study: StoredStudy, problem: str, seeds: Sequence[int]
) -> tuple[RunConfig, ...]:
    """Return the runs of each optimizer's best setting on a problem, with given seeds."""
    ranked = study.table.of_problem(problem).ranked()
    return runs_of_best_settings(ranked, study.configs, "optimizer", lambda tried: 1, seeds)
