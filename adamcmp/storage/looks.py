"""The record of looks: which comparisons were reported, with which seeds, and when.

A comparison that is tested again after seeds were added needs a stricter level than the first test
(`adamcmp.analysis.looks`). So a command that reports comparisons with other seeds than before adds
a file to the folder ``looks`` of the study, with a JSON object per comparison and line. Files are
never changed, so that any number of processes may add some, and they are copied with the study.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from adamcmp.errors import StoreError
from adamcmp.storage.files import Files
from adamcmp.storage.locations import Location, files_at
from adamcmp.storage.metadata import now, requested_runs

_FOLDER = "looks/"
_RANGE = re.compile(r"(-?\d+)(?:-(-?\d+))?")


class Look(NamedTuple):
    """A comparison that was reported.

    Attributes:
        problem: The dataset and model.
        metric: The metric that was compared.
        a: The name of one arm.
        b: The name of the other arm.
        n: The number of seeds: those that are shared, or the smaller number.
        seeds: The seeds of both arms, such as ``"0-4,7"``.
        at: The time in ISO 8601.
    """

    problem: str
    metric: str
    a: str
    b: str
    n: int
    seeds: str
    at: str = ""

    @property
    def comparison(self) -> tuple[str, str, frozenset[str]]:
        """What was compared, whichever arm was named first."""
        return self.problem, self.metric, frozenset((self.a, self.b))

    @property
    def seed_set(self) -> frozenset[int]:
        """The seeds of both arms."""
        ranges = (_RANGE.fullmatch(text) for text in self.seeds.split(","))
        ends = [(int(each[1]), int(each[2] or each[1])) for each in ranges if each]
        return frozenset(chain.from_iterable(range(low, high + 1) for low, high in ends))


def seeds_text(seeds: Iterable[int]) -> str:
    """Return seeds as ranges.

    >>> seeds_text([2, 0, 1, 7])
    '0-2,7'
    """
    ranges: list[list[int]] = []
    for seed in sorted(seeds):
        if ranges and seed == ranges[-1][-1] + 1:
            ranges[-1][1:] = [seed]
        else:
            ranges.append([seed])
    return ",".join("-".join(map(str, ends)) for ends in ranges)


@dataclass(frozen=True)
class LookRecord:
    """The looks at the comparisons of one study, or of several studies pooled.

    Attributes:
        looks: The recorded looks, in order of time.
        missing_runs: The number of requested runs that have not ended. While some are missing, a
            report is an interim look: it claims nothing and is not recorded.
    """

    looks: tuple[Look, ...] = ()
    missing_runs: int = 0

    def earlier_seeds(self, look: Look) -> list[frozenset[int]]:
        """Return the seeds with which a comparison was reported, in order of time."""
        same = (each for each in self.looks if each.comparison == look.comparison)
        return list(dict.fromkeys(each.seed_set for each in same))

    def unrecorded(self, looks: Iterable[Look]) -> list[Look]:
        """Return the looks that use other seeds than the recorded ones of the same comparison."""
        if self.missing_runs:
            return []
        return [look for look in looks if look.seed_set not in self.earlier_seeds(look)]


#: The record of runs that are not from a study's folder.
NO_LOOKS = LookRecord()


def look_record(studies: Sequence[Location], runs: Sequence[int]) -> LookRecord:
    """Return the recorded looks of studies, and how many requested runs are missing.

    Args:
        studies: The studies.
        runs: The number of stored runs of each study.

    Raises:
        StoreError: If a file is damaged.
    """
    looks = chain.from_iterable(_read(files_at(study)) for study in studies)
    missing = [
        max(requested_runs(study) - count, 0) for study, count in zip(studies, runs, strict=True)
    ]
    return LookRecord(tuple(sorted(looks, key=lambda look: look.at)), sum(missing))


def _read(files: Files) -> list[Look]:
    looks = []
    names = sorted(files.list(_FOLDER))
    for name, content in zip(names, files.concurrently(files.read, names), strict=True):
        try:
            looks += [Look(**json.loads(line)) for line in content.decode().splitlines()]
        except (ValueError, TypeError) as error:
            raise StoreError(
                f"{files.location(name)} is damaged ({error}). Restore the file; without it, "
                f"later tests do not account for the looks that it records."
            ) from None
    return looks


def add_looks(study: Location, looks: Sequence[Look]) -> str:
    """Record looks, with the time.

    Returns:
        Why they could not be recorded, since a study may be in a folder that cannot be written;
        empty if they were.
    """
    if not looks:
        return ""
    at = now()
    lines = (json.dumps({**look._asdict(), "at": at}, ensure_ascii=False) for look in looks)
    content = "".join(f"{line}\n" for line in lines)
    files = files_at(study)
    try:
        files.create(f"{_FOLDER}{time.time_ns():020d}.jsonl", content.encode())
    except OSError as error:
        return (
            f"This look cannot be recorded in {files.location(_FOLDER)} "
            f"({error.strerror or error}). Later tests with more seeds will not account for it."
        )
    return ""
