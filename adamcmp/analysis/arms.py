"""The arms of a comparison, each at its selected setting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.labels import GROUP, format_value, setting_columns
from adamcmp.analysis.metrics import measure_of
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.selection_bias import SelectionBias, selection_bias
from adamcmp.analysis.selection_seeds import shared_seeds


@dataclass(frozen=True)
class Arm:
    """One arm of a comparison, at its selected setting.

    Attributes:
        name: The optimizer's label, or the user's conditions.
        reported: Runs of the selected setting, one per seed, indexed by seed.
        fresh: Whether none of these seeds took part in the selection.
        setting: The selected setting as text.
        settings: The number of settings it was selected from.
        ranked: The runs of all these settings, as `RunTable.ranked` returns them.
        measure: The measure of the selection: ``error`` or ``loss``.
        table: The table that the runs are from.
    """

    name: str
    reported: pd.DataFrame
    fresh: bool
    setting: str
    settings: int
    ranked: pd.DataFrame
    measure: str
    table: RunTable

    @classmethod
    def select(cls, name: str, table: RunTable) -> Arm:
        """Select the setting of an arm, which has all runs of a table, on validation.

        Args:
            name: The arm's name.
            table: Runs of one problem, not all of them failed.

        Raises:
            ConfigError: If there are several settings but no validation split.
        """
        table = table.with_runs(table.runs.assign(arm=name))
        ranked, selected = table.ranked("arm"), table.selected("arm")
        return cls._of(name, ranked, selected, table.setting_columns, table)

    @classmethod
    def of_optimizers(cls, table: RunTable) -> list[Arm]:
        """Return an arm for each optimizer of which not all runs failed.

        Args:
            table: Runs of one problem.

        Raises:
            ConfigError: If there are several settings but no validation split.
        """
        varied = table.runs[[*GROUP, *table.setting_columns]].groupby("optimizer", sort=False)
        ranked, selected = (
            runs.groupby("optimizer", sort=False) for runs in (table.ranked(), table.selected())
        )
        return [
            cls._of(
                str(name),
                settings,
                selected.get_group(name),
                setting_columns(varied.get_group(name)),
                table,
            )
            for name, settings in ranked
        ]

    @classmethod
    def _of(
        cls,
        name: str,
        ranked: pd.DataFrame,
        selected: pd.DataFrame,
        columns: list[str],
        table: RunTable,
    ) -> Arm:
        """Return an arm from its ranked runs, the reported ones and the columns that varied."""
        by_seed = selected.drop_duplicates("seed", keep="last").set_index("seed").sort_index()
        first = selected.iloc[0]
        setting = ", ".join(f"{c} {format_value(first[c])}" for c in columns)
        settings = int(ranked["settings"].iloc[0])
        fresh = bool(selected["fresh"].all())
        return cls(name, by_seed, fresh, setting, settings, ranked, measure_of(ranked), table)

    @property
    def diverged(self) -> int:
        """The number of reported runs that diverged."""
        return int((self.reported["status"] == "diverged").sum())

    def values(self, metric: str) -> pd.Series[float]:
        """Return a metric of the reported runs that have it, by seed."""
        return self.reported[metric].astype(float).dropna()

    def selection_bias(self, metric: str) -> SelectionBias:
        """Estimate the selection bias over the settings that have a value for every seed."""
        of_all_settings = shared_seeds(self.ranked["seed"], self.ranked["rank"])
        selecting = self.ranked.loc[self.ranked["selection_seed"], "seed"]
        return selection_bias(
            *self.selection_values(metric),
            fresh=self.fresh,
            candidates=not of_all_settings.issuperset(selecting),
            single_setting_sd=float(self.reported[f"val_{self.measure}"].astype(float).std()),
        )

    def selection_values(self, metric: str) -> tuple[Floats, Floats, Floats]:
        """Return what settings were ranked by, its test values, and a metric.

        Returns:
            Each of shape (settings, seeds), of the settings that have a value for every seed.
        """
        validation, test = f"val_{self.measure}", f"test_{self.measure}"
        runs = self.ranked[self.ranked["selection_seed"]]
        keys = [runs["rank"], runs["seed"].astype(int)]
        columns = list(dict.fromkeys([validation, test, metric]))
        means = runs[columns].astype(float).groupby(keys).mean()
        by_setting = {column: means[column].unstack() for column in columns}
        required = (by_setting[column].notna().all(axis=1) for column in (validation, metric))
        complete = np.logical_and.reduce(list(required))
        values, test_values, metric_values = (
            by_setting[column][complete].to_numpy() for column in (validation, test, metric)
        )
        return values, test_values, metric_values
