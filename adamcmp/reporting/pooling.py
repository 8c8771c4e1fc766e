"""Pool studies into one table of runs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from adamcmp.analysis import RunTable
from adamcmp.analysis.ordering import in_display_order
from adamcmp.errors import NotFound
from adamcmp.platform.addresses import Address
from adamcmp.storage import reader
from adamcmp.storage.looks import look_record
from adamcmp.storage.metadata import searched_keys


def load_table(studies: Sequence[Address]) -> RunTable:
    """Return the runs of one or several studies as one table.

    If several studies have runs of the same optimizer on the same problem, the study's name is
    appended to the problem, so that runs of different studies are not averaged.

    Args:
        studies: Folders of studies.

    Raises:
        StoreError: If a file of a study is damaged.
        NotFound: If there are no runs.
    """
    searched = {study.name: keys for study in studies if (keys := searched_keys(study))}
    loaded = [(*reader.load(study), reader.load_examples(study)) for study in studies]
    if not any(len(runs) for runs, *_ in loaded):
        raise NotFound(" ".join(map(reader.no_runs, studies)))
    looks = look_record(studies, [len(runs) for runs, *_ in loaded])
    if len(loaded) == 1:
        return RunTable.from_frames(*loaded[0]).recorded_as(searched, looks)
    _make_ids_unique(loaded, studies)
    pooled = (pd.concat(frames, ignore_index=True) for frames in zip(*loaded, strict=True))
    table = RunTable.from_frames(*pooled).recorded_as(searched, looks)
    return table.with_runs(_separate_studies(table.runs))


def _make_ids_unique(
    loaded: Sequence[tuple[pd.DataFrame, ...]], studies: Sequence[Address]
) -> None:
    """Set each run's study, and prefix it to run ids that an earlier study also has."""
    seen: set[str] = set()
    for (runs, *others), study in zip(loaded, studies, strict=True):
        repeated = seen & set(runs["run_id"])
        seen |= set(runs["run_id"])
        new_ids = {run_id: f"{study.name}/{run_id}" for run_id in repeated}
        # The folder of a study may have been renamed since its runs were stored.
        runs["study"] = study.name
        for frame in (runs, *others):
            frame["run_id"] = frame["run_id"].replace(new_ids)


def _separate_studies(runs: pd.DataFrame) -> pd.DataFrame:
    """Append the study to problems on which one optimizer has runs in several studies."""
    shared = runs.groupby(["problem", "optimizer"])["study"].transform("nunique") > 1
    separate = shared.groupby(runs["problem"]).transform("any")
    problem = runs["problem"] + (", study " + runs["study"]).where(separate, "")
    return in_display_order(runs.assign(problem=problem))
