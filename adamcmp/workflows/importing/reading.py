"""From a file's cells to columns by our names, each row with the id of its run."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from adamcmp.components.registry import canonical_json
from adamcmp.errors import ConfigError, nearest
from adamcmp.storage.columns import (
    BEST,
    MEASURES,
    METRIC_COLUMNS,
    METRICS,
    NORMS,
    SPLITS,
    STATUSES,
    Role,
    columns_with_role,
    run_columns,
)
from adamcmp.workflows.importing.sheet import Sheet, value

if TYPE_CHECKING:
    import pandas as pd

#: What every run must say; a constant will do.
NEEDED = ("optimizer", "dataset", "model", "lr", "wd", "seed")
#: Columns that name something: of the same name in a file, a column of numbers is something else.
NAMES = ("optimizer", "dataset", "model", "rule", "coupling", "schedule", "loss", "status")
#: Columns that describe how a run went, not what was requested of it.
RESULTS = (
    *columns_with_role(Role.OUTCOME, Role.METRIC),
    *columns_with_role(Role.OUTCOME, Role.METRIC, table="metrics"),
    *("step", "train_examples", "parameters"),
)
#: Errors, accuracies and gaps of errors: what may be in percent.
SHARES = tuple(m for m in (*METRICS, *BEST) if m.endswith(("error", "accuracy")))
#: Beyond this squares of numbers, and so intervals, overflow.
MOST = 1e100
#: How far an error and an accuracy may be from adding up, both rounded to percent.
ROUNDED = 0.011
_FRACTIONS = {share for share in SHARES if "gap" not in share}


def known_columns() -> dict[str, Any]:
    """Return the columns that a file's columns can stand for, and their types."""
    columns = {**run_columns(), **METRIC_COLUMNS}
    # A column "error" of a file is hardly ever the text of an error message.
    excluded = {*columns_with_role(Role.IDENTITY, Role.PROVENANCE), "error", "finished_at"}
    return {name: column.type for name, column in columns.items() if name not in excluded}


@dataclass(frozen=True)
class Wanted:
    """How a file is to be understood.

    Attributes:
        columns: Our column -> the file's, where their names differ.
        constants: Our column -> its value in all rows.
        percent: Our columns that the file gives in percent.
        settings: Columns of the file that are settings, too, under their own names.
    """

    columns: Mapping[str, str]
    constants: Mapping[str, str]
    percent: frozenset[str] = frozenset()
    settings: tuple[str, ...] = ()


class Reading:
    """A file, understood: its columns by our names.

    Args:
        sheet: The file's cells.
        wanted: How they are to be understood.

    Raises:
        ConfigError: When a column is unknown, missing, or holds what it cannot.
    """

    def __init__(self, sheet: Sheet, wanted: Wanted) -> None:
        self.sheet, self.wanted = sheet, wanted
        self.kinds = known_columns()
        _check_names(sheet, wanted, self.kinds)
        same = {c: c for c in sheet.columns if c in self.kinds and not self._misnamed(c)}
        taken = {*wanted.columns.values(), *wanted.constants}
        same = {c: c for c in same if c not in taken}
        #: Our column -> the file's.
        self.columns = {**same, **wanted.columns, **{c: c for c in wanted.settings}}
        #: The file's columns that are not taken.
        self.unused = [c for c in sheet.columns if c not in self.columns.values()]
        self._check_needed()

    @property
    def long(self) -> bool:
        """Whether a row is an evaluation, not a run."""
        return "step" in self.columns

    @cached_property
    def extra(self) -> dict[str, type]:
        """The file's own settings: numbers, or else text."""
        return {c: float if _numbers(self.sheet, c) else str for c in self.wanted.settings}

    @cached_property
    def table(self) -> pd.DataFrame:
        """All rows by our names; a metric that is not finite is inf.

        Beside them ``run_id``, a hash of the run's settings, and ``setting``, one of all but the
        seed.
        """
        import pandas as pd

        kinds = {**self.kinds, **self.extra}
        count = len(self.sheet.rows)
        data = {
            ours: self.sheet.values(theirs, kinds[ours], f"{ours} (column {theirs!r})")
            for ours, theirs in self.columns.items()
        }
        for ours, text in self.wanted.constants.items():
            data[ours] = [_constant(ours, text, kinds[ours])] * count
        self._check_filled(data)
        asked = {c: data[c] for c in sorted(data) if c not in RESULTS}
        ids = {"run_id": _hashes(asked), "setting": _hashes({**asked, "seed": [0] * count})}
        measured = [c for c in data if c in (*METRICS, *BEST, *NORMS)]
        numbers = {c: self._measured(c, data[c]) for c in measured}
        self._check_shares(numbers)
        table = pd.DataFrame({**data, **numbers, **ids})
        self._check_once(table)
        return derived(table)

    def _misnamed(self, column: str) -> bool:
        return column in NAMES and _numbers(self.sheet, column)

    def _check_needed(self) -> None:
        missing = [c for c in NEEDED if c not in {*self.columns, *self.wanted.constants}]
        if missing:
            name = missing[0]
            example = {"lr": "0.1", "wd": "0", "seed": "0"}.get(name, "NAME")
            raise ConfigError(
                f"{self.sheet.path} has no column {name!r}.{nearest(name, self.unused)} Say which "
                f"it is, --map {name}=COLUMN, or what it is in all rows, --set {name}={example}. "
                f"There are: {', '.join(self.unused or self.sheet.columns)}."
            )
        absent = sorted(self.wanted.percent - self.columns.keys())
        if absent:
            raise ConfigError(f"--percent {absent[0]}: no column of the file is {absent[0]}.")
        if not any(f"test_{m}" in self.columns for m in MEASURES):
            raise ConfigError(
                f"{self.sheet.path} has no test metric: --map test_error=COLUMN (or test_accuracy, "
                f"test_loss). There are: {', '.join(self.unused or self.sheet.columns)}."
            )
        given = {*self.columns, *self.wanted.constants}
        if self.long and "epoch" not in given and not {"train_examples", "batch_size"} <= given:
            raise ConfigError(
                f"{self.sheet.path} has no column 'epoch', which curves are drawn over: --map "
                f"epoch=COLUMN, or --set train_examples=50000 --set batch_size=128; epoch may also "
                f"be mapped to the column of steps."
            )

    def _check_filled(self, data: Mapping[str, Sequence[Any]]) -> None:
        for column in (*NEEDED, *(["step"] if self.long else [])):
            for i, found in enumerate(data[column]):
                if found is None:
                    raise self.sheet.wrong(i, f"{column} is empty")
                if column in ("lr", "wd") and not 0 <= found < math.inf:
                    raise self.sheet.wrong(i, f"{column}={found:g} should be a number from 0 on")
                if column in ("seed", "step") and found < 0:
                    raise self.sheet.wrong(i, f"{column}={found} should be at least 0")
        for i, found in enumerate(data.get("status", [])):
            if found not in STATUSES:
                raise self.sheet.wrong(i, f"status={found} should be one of {', '.join(STATUSES)}")

    def _measured(self, column: str, cells: Sequence[float | None]) -> list[float]:
        """Return a metric's numbers: NaN where a cell is empty, inf where it is not finite."""
        scale = 100.0 if column in self.wanted.percent else 1.0
        found = []
        for i, cell in enumerate(cells):
            number = math.nan if cell is None else cell / scale
            if cell is not None and not math.isfinite(cell):
                number = math.inf
            elif column in _FRACTIONS and not (math.isnan(number) or 0 <= number <= 1):
                hint = "" if scale > 1 else f"; in percent, say --percent {column}"
                raise self.sheet.wrong(i, f"{column}={cell:g} is no fraction{hint}")
            elif abs(number) > MOST:
                hint = "a run that diverged has inf or nan there, or the status diverged"
                raise self.sheet.wrong(i, f"{column}={cell:g} is too large to be averaged; {hint}")
            found.append(number)
        return found

    def _check_shares(self, numbers: Mapping[str, Sequence[float]]) -> None:
        """Refuse an error and an accuracy of one split that do not add up to 1."""
        for error in (c for c in numbers if c.endswith("_error") and "gap" not in c):
            accuracy = f"{error.removesuffix('_error')}_accuracy"
            for i, (wrong, right) in enumerate(
                zip(numbers[error], numbers.get(accuracy, ()), strict=False)
            ):
                if abs(wrong + right - 1) > ROUNDED and math.isfinite(wrong + right):
                    raise self.sheet.wrong(
                        i, f"{error}={wrong:g} and {accuracy}={right:g} do not add up to 1"
                    )

    def _check_once(self, table: pd.DataFrame) -> None:
        """Refuse two rows of one run, or of one evaluation, and say what may tell them apart."""
        doubled = table.duplicated(["run_id", *(["step"] if self.long else [])])
        if not doubled.any():
            return
        second = int(doubled.to_numpy().argmax())
        row = table.iloc[second]
        same = table["run_id"] == row["run_id"]
        if self.long:
            same &= table["step"] == row["step"]
        first = int(same.to_numpy().argmax())
        cells = self.sheet.columns
        telling = [c for c in self.unused if cells[c][first] != cells[c][second]]
        said = ", ".join(f"{c} {row[c]}" for c in (*NEEDED, *(["step"] if self.long else [])))
        hint = (
            f"If a setting tells them apart, name its column: --settings {' '.join(telling)}"
            if telling
            else "Remove one of them"
        )
        raise ConfigError(
            f"{self.sheet.path}: rows {self.sheet.rows[first]} and {self.sheet.rows[second]} are "
            f"the same {'evaluation' if self.long else 'run'} ({said}). {hint}."
        )


def _numbers(sheet: Sheet, column: str) -> bool:
    try:
        return any(number is not None for number in sheet.values(column, float, column))
    except ConfigError:
        return False


def _constant(column: str, text: str, kind: Any) -> Any:
    try:
        return value(text, kind)
    except ValueError as error:
        raise ConfigError(f"--set {column}={text}: should be {error}.") from None


def _check_names(sheet: Sheet, wanted: Wanted, kinds: Mapping[str, Any]) -> None:
    for flag, names in (("--map", wanted.columns), ("--set", wanted.constants)):
        for name in names:
            if name not in kinds:
                raise ConfigError(
                    f"{flag} {name}=: there is no column {name!r} of runs.{nearest(name, kinds)} A "
                    f"setting that only this file knows is kept with --settings COLUMN."
                )
    for column in (*wanted.columns.values(), *wanted.settings):
        if column not in sheet.columns:
            raise ConfigError(
                f"{sheet.path} has no column {column!r}.{nearest(column, sheet.columns)} It has: "
                f"{', '.join(sheet.columns)}."
            )
    _check_flags(wanted, kinds)


def _check_flags(wanted: Wanted, kinds: Mapping[str, Any]) -> None:
    both = wanted.columns.keys() & wanted.constants.keys()
    if both:
        raise ConfigError(f"{sorted(both)[0]} is given by --map and by --set: give one of them.")
    for column in wanted.settings:
        if column in kinds or column in columns_with_role(Role.IDENTITY, Role.OUTCOME):
            raise ConfigError(f"--settings {column}: is a column of ours: --map {column}={column}.")
    for column in sorted(wanted.percent):
        if column not in SHARES:
            raise ConfigError(
                f"--percent {column}: is for errors and accuracies.{nearest(column, SHARES)}"
            )


def _hashes(settings: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the hash of each row's settings; an empty cell is none."""
    known: dict[str, str] = {}
    found = []
    for row in zip(*settings.values(), strict=True):
        own = {name: cell for name, cell in zip(settings, row, strict=True) if cell is not None}
        text = canonical_json({"imported": own})
        if text not in known:
            known[text] = hashlib.sha256(text.encode()).hexdigest()[:16]
        found.append(known[text])
    return found


def derived(table: pd.DataFrame) -> pd.DataFrame:
    """Add what follows from what is there: error or accuracy, gaps, epochs."""
    for prefix in ("", "best_"):
        for split in SPLITS:
            for one, other in (("error", "accuracy"), ("accuracy", "error")):
                have, lack = f"{prefix}{split}_{one}", f"{prefix}{split}_{other}"
                if have in table and lack not in table:
                    table[lack] = (1 - table[have]).abs()  # inf stays what it is
        for measure in ("loss", "error"):
            train, test = (f"{prefix}{split}_{measure}" for split in ("train", "test"))
            if {train, test} <= {*table} and f"{prefix}gap_{measure}" not in table:
                gap = table[test] - table[train]
                table[f"{prefix}gap_{measure}"] = gap.where(abs(gap) != math.inf)
    if "step" in table and "epoch" not in table:
        table["epoch"] = table["step"] * table["batch_size"] / table["train_examples"]
    return table
