"""Infer from runs which seeds selected the settings of an optimizer.

*Selection seeds* are the seeds that all settings of an optimizer share: settings are ranked by
their mean validation measure over these. *Candidate seeds* are further seeds of the best of these
settings, the candidates, which are ranked again over both. *Evaluation seeds* are further seeds of
the selected setting.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from adamcmp.analysis.run_table import RunTable

#: The smallest number of candidates. With fewer, the best setting is too often not among them
#: (docs/statistics.md). A few settings with further seeds may be earlier best settings and the
#: present one, all with evaluation seeds.
MIN_CANDIDATES = 5


def selection_seeds(table: RunTable) -> set[int]:
    """Return the seeds on which all settings are ranked.

    Seeds of failed runs count. If settings share no seed, each is ranked by all of its seeds.

    >>> from adamcmp.analysis.example import example_table
    >>> selection_seeds(example_table())
    {0, 1, 2, 3, 4}

    Args:
        table: The runs of one optimizer on one problem.
    """
    return shared_seeds(table.runs["seed"], table.setting_texts)


def shared_seeds(seeds: pd.Series[int], settings: pd.Series[Any]) -> set[int]:
    """Return the seeds that all settings share; all seeds if they share none.

    Args:
        seeds: The seed of each run.
        settings: The setting of each run.
    """
    return set.intersection(*_seeds_of_settings(seeds, settings).values()) or set(seeds)


def candidates_of(seeds: pd.Series[int], settings: pd.Series[str]) -> tuple[set[str], set[int]]:
    """Return the settings that have candidate seeds, and these seeds; none if there are none.

    Candidate seeds are seeds that at least five and at most half of the settings have. A seed of
    more settings is one of a grid with missing runs. A seed of fewer settings is an evaluation
    seed: if the best setting changed, the earlier ones have evaluation seeds too. Candidates are
    the settings that have all candidate seeds; if they are fewer than five, there are none.

    Args:
        seeds: The seed of each run.
        settings: The setting of each run.
    """
    seeds_of = _seeds_of_settings(seeds, settings)
    counts = Counter(chain.from_iterable(seeds_of.values()))
    most = len(seeds_of) / 2
    candidate_seeds = {seed for seed, count in counts.items() if MIN_CANDIDATES <= count <= most}
    if not candidate_seeds:
        return set(), set()
    candidates = {
        setting for setting, all_seeds in seeds_of.items() if candidate_seeds <= all_seeds
    }
    return (candidates, candidate_seeds) if len(candidates) >= MIN_CANDIDATES else (set(), set())


def _seeds_of_settings(seeds: pd.Series[int], settings: pd.Series[Any]) -> dict[Any, set[int]]:
    seeds_of: dict[Any, set[int]] = {}
    for setting, seed in zip(settings, seeds, strict=True):
        seeds_of.setdefault(setting, set()).add(seed)
    return seeds_of
