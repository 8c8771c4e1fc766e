"""The best settings of a study, to be trained with further seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import pandas as pd

from adamcmp.config import RunConfig


def runs_of_best_settings(
    ranked: pd.DataFrame,
    configs: Mapping[str, RunConfig],
    by: str,
    count: Callable[[int], int],
    seeds: Iterable[int],
) -> tuple[RunConfig, ...]:
    """Return the best settings of ranked runs, with other seeds.

    Args:
        ranked: The result of `rank_settings`.
        configs: The configuration of each run, by run id.
        by: The column that settings were ranked by.
        count: Returns the number of settings to select among some number of settings.
        seeds: The seeds of each setting.
    """
    best = ranked[ranked["rank"] < ranked["settings"].map(count)]
    # One run stands for all seeds of its setting.
    best = best.drop_duplicates(["problem", by, "rank"])
    return tuple(with_seed(configs[run_id], seed) for run_id in best["run_id"] for seed in seeds)


def with_seed(config: RunConfig, seed: int) -> RunConfig:
    """Return the configuration of a run with another seed."""
    return replace(config, protocol=config.protocol.model_copy(update={"seed": seed}))
