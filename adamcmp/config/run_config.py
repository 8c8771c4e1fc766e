"""The config of one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adamcmp.components.data import Data
from adamcmp.components.datasets import Dataset, load_cached
from adamcmp.components.groups import COMPONENT_GROUPS
from adamcmp.components.losses import Loss
from adamcmp.components.models import Model
from adamcmp.components.names import OPTIONS_OF
from adamcmp.components.optimizers import Optimizer
from adamcmp.components.registry import Component
from adamcmp.components.schedules import Schedule
from adamcmp.config.columns import (
    component_columns,
    component_from_columns,
    protocol_columns,
    protocol_from_columns,
)
from adamcmp.config.protocol import Protocol


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Everything that defines a run, except the numerics that it shares with its study.

    Attributes:
        dataset: The dataset.
        model: The architecture.
        optimizer: The update rule and its coupling of weight decay.
        schedule: The schedule of the learning rate.
        loss: The training loss.
        protocol: Seed, budget, batch size and bounds.
        wd_schedule: A schedule of the weight decay: at step t, weight_decay is multiplied by its
            multiplier w_t before the coupling applies. None leaves it constant.
    """

    dataset: Dataset
    model: Model
    optimizer: Optimizer
    schedule: Schedule
    loss: Loss
    protocol: Protocol
    wd_schedule: Schedule | None = None

    @property
    def measure(self) -> str:
        """The measure by which evaluations and settings are selected; see `Protocol.select`."""
        classification = self.dataset.problem_type == "classification"
        return self.protocol.select or ("error" if classification else "loss")

    @property
    def run_dataset(self) -> Dataset:
        """The dataset with the seed of this run's data; see `Dataset.for_run`."""
        return self.dataset.for_run(self.protocol.seed)

    def data(self) -> Data:
        """Return the data that this run is trained and measured on, from the cache if possible.

        Raises:
            AdamcmpError: See `Dataset.load`.
        """
        return load_cached(self.run_dataset)

    def components(self) -> dict[str, Component]:
        """Return the components by their config group, without those that are None."""
        components = {group: getattr(self, group) for group in COMPONENT_GROUPS}
        return {
            group: component for group, component in components.items() if component is not None
        }

    def identity(self) -> dict[str, Any]:
        """Return everything that can change the run's numbers, as JSON values."""
        components = {group: c.identity() for group, c in self.components().items()}
        return {**components, **self.protocol.identity()}

    def canonical_values(self) -> dict[str, str]:
        """Return each value of `identity` as canonical JSON."""
        components = {group: c.canonical for group, c in self.components().items()}
        return {**components, **self.protocol.canonical_values}

    def settings(self) -> dict[str, Any]:
        """Return every setting under its dotted path, in the form of the columns of `runs`."""
        columns: dict[str, Any] = {}
        for group, component in self.components().items():
            columns |= component_columns(component, group)
        return {**columns, **protocol_columns(self.protocol)}

    def revisions(self) -> dict[str, int]:
        """Return the revision of each component, in the form of the columns of `runs`."""
        return {f"{group}.revision": c.revision for group, c in self.components().items()}

    @classmethod
    def from_columns(cls, row: Mapping[str, Any]) -> RunConfig:
        """Return the config of a stored run: the inverse of `settings`.

        Args:
            row: A row of `runs`, as plain values. A field that was added after version 0.1 gets
                its neutral value if its column is missing or empty.

        Raises:
            ConfigError: If the column of another field is missing, or a value is invalid.
            UntrustedCode: If a column names code that is not trusted; see
                `adamcmp.components.trusted_code`.
        """
        # Runs that are older than a group have no component of it.
        groups = [g for g in COMPONENT_GROUPS if g not in OPTIONS_OF or row.get(g) is not None]
        components = {group: component_from_columns(group, row) for group in groups}
        return cls(**components, protocol=protocol_from_columns(row))
