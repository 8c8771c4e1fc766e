"""Plans on disk: the runs that workers train, in shares.

A plan is a Parquet file with one row per run: the columns of its settings as in ``runs``, and

- ``share``: the number of its share;
- ``group``: the number of its lane group in the share; null if the worker chooses the groups;
- ``attempt``: the attempt number that its rows in ``runs`` will have.

The rows are in the order of the shares. The metadata of the file holds a `PlanHeader`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import accumulate, islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from adamcmp.components.trusted_code import settings_of
from adamcmp.config import Numerics, RunConfig
from adamcmp.errors import ConfigError, StoreError
from adamcmp.execution.plan_contents import PlanHeader, PlannedGroup
from adamcmp.execution.queue_files import first_fault
from adamcmp.planning.spec_table import spec_table
from adamcmp.planning.specs import RunSpec
from adamcmp.storage.arrays import array_of
from adamcmp.storage.arrow import arrow_schema, run_schema

_HEADER = b"adamcmp_plan"
_PLAN_COLUMNS = {"share": int, "group": int, "attempt": int}
#: Rows of the file that are read at once.
ROW_GROUP = 4096
#: Rows that are written at once.
WRITTEN_ROWS = 16 * ROW_GROUP


def encode_plan(header: PlanHeader, shares: Sequence[Sequence[PlannedGroup]]) -> bytes:
    """Return the content of the file of a plan.

    Args:
        header: Its header.
        shares: The groups of each share.
    """
    specs = [spec for share in shares for group in share for spec in group.specs]
    examples: dict[str, int] = {}
    for row, spec in enumerate(specs):
        examples.setdefault(spec.run_kind, row)
    header = replace(header, example_rows=tuple(examples.values()))
    schema = _schema(_column_names(specs))
    settings = pa.schema([each for each in schema if each.name not in _PLAN_COLUMNS])
    schema = schema.with_metadata({_HEADER: json.dumps(asdict(header)).encode()})
    sink = pa.BufferOutputStream()
    options = {"write_statistics": False, "write_page_checksum": True}
    with pq.ParquetWriter(sink, schema, compression="zstd", **options) as writer:
        places = _places(shares)
        for start in range(0, len(specs), WRITTEN_ROWS):
            part = specs[start : start + WRITTEN_ROWS]
            columns = zip(*islice(places, len(part)), strict=True)
            table = spec_table(part, settings)
            for name, numbers in zip(_PLAN_COLUMNS, columns, strict=True):
                table = table.append_column(name, array_of(numbers, pa.int64()))
            writer.write_table(table.cast(schema), row_group_size=ROW_GROUP)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _column_names(specs: Sequence[RunSpec]) -> set[str]:
    """Return the names of the columns that some of the runs have."""
    # Runs of one kind may have different schedules, which have different settings.
    structures = {
        (spec.run_kind, *map(type, spec.config.components().values())): spec for spec in specs
    }
    return {name for spec in structures.values() for name in spec.columns()}


def _schema(names: Collection[str]) -> pa.Schema:
    """Return the schema of a plan with some columns of `runs`."""
    settings = [each for each in run_schema() if each.name in {*names} - {*_PLAN_COLUMNS}]
    return pa.schema([*settings, *arrow_schema(_PLAN_COLUMNS)])


def _places(
    shares: Sequence[Sequence[PlannedGroup]],
) -> Iterator[tuple[int, int | None, int]]:
    """Yield the share, the group and the attempt number of each run."""
    for share, groups in enumerate(shares):
        for number, group in enumerate(groups):
            for spec in group.specs:
                yield share, number if group.grouped else None, group.attempts[spec.run_id]


class StoredPlan:
    """A plan that was read from its file.

    Args:
        content: The content of the file.
        location: Where the file is, for messages.

    Attributes:
        header: Its header.

    Raises:
        ConfigError: If another version of adamcmp wrote it, with other keys.
        StoreError: If the file is damaged.
    """

    def __init__(self, content: bytes, location: str) -> None:
        self._location = location
        with self._damage():
            self._file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
            schema = self._file.schema_arrow
            if missing := {"run_id", *_PLAN_COLUMNS, *Numerics.model_fields} - {*schema.names}:
                raise ValueError(f"it has no {', '.join(sorted(missing))}")
            if differing := {each.name for each in _schema({*schema.names}) if each not in schema}:
                raise ValueError(f"the values of {', '.join(sorted(differing))} have another type")
            self.header = PlanHeader.decode(schema.metadata[_HEADER])
            rows = self._file.metadata.num_rows
            if self.header.runs != rows or not {*self.header.example_rows} <= {*range(rows)}:
                raise ValueError("its shares are not those of its rows")

    @contextlib.contextmanager
    def _damage(self) -> Iterator[None]:
        """Convert an error of reading the file.

        Raises:
            ConfigError: With the name of the file.
            StoreError: In place of another error.
        """
        try:
            yield
        except ConfigError as error:
            raise ConfigError(f"{self._location}: {error}.") from None
        except (
            pa.ArrowException,
            AttributeError,
            OSError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            lines = str(error).splitlines() or [type(error).__name__]
            text = first_fault(error) if isinstance(error, ValidationError) else lines[0]
            raise StoreError(f"{self._location} is damaged ({text}). Delete it.") from None

    def attempts(self) -> dict[str, int]:
        """Return the attempt number of each run, in the order of the shares.

        Raises:
            StoreError: If the file is damaged.
        """
        with self._damage():
            columns = self._file.read(["run_id", "attempt"], use_threads=False).to_pydict()
        return dict(zip(columns["run_id"], columns["attempt"], strict=True))

    def share(self, number: int, specs: Mapping[str, RunSpec] | None = None) -> list[PlannedGroup]:
        """Return the groups of a share.

        Args:
            number: The number of the share.
            specs: Runs that need not be built from their row, by id.

        Raises:
            ConfigError: If a setting of a run is unknown to this version of adamcmp.
            StoreError: If the file is damaged, or this machine would train other runs, because the
                code or a file differs.
            UntrustedCode: If a run names code that is not trusted; see
                `adamcmp.components.trusted_code`.
        """
        end = list(accumulate(self.header.share_runs))[number]
        rows = self._rows(end - self.header.share_runs[number], end)
        groups: dict[int | None, list[dict[str, Any]]] = {}
        for row in rows:
            groups.setdefault(row["group"], []).append(row)
        return [self._group(key, members, specs or {}) for key, members in groups.items()]

    def examples(self) -> list[RunSpec]:
        """Return the first run of each kind.

        Raises:
            ConfigError: As `share`.
            StoreError: As `share`.
        """
        return [self._spec(self._rows(row, row + 1)[0]) for row in self.header.example_rows]

    def _rows(self, start: int, end: int) -> list[dict[str, Any]]:
        first, last = start // ROW_GROUP, (end - 1) // ROW_GROUP
        with self._damage():
            table = self._file.read_row_groups([*range(first, last + 1)], use_threads=False)
        rows: list[dict[str, Any]] = table.slice(start - first * ROW_GROUP, end - start).to_pylist()
        return rows

    def _group(
        self,
        number: int | None,
        rows: Sequence[Mapping[str, Any]],
        specs: Mapping[str, RunSpec],
    ) -> PlannedGroup:
        attempts = {row["run_id"]: row["attempt"] for row in rows}
        members = (specs.get(row["run_id"]) or self._spec(row) for row in rows)
        return PlannedGroup(tuple(members), attempts, number is not None)

    def _spec(self, row: Mapping[str, Any]) -> RunSpec:
        with self._damage():
            numerics = Numerics(**{name: row[name] for name in Numerics.model_fields})
        try:
            with settings_of(self._location):
                spec = RunSpec.of(RunConfig.from_columns(row), numerics)
        except KeyError as error:
            raise StoreError(
                f"{self._location} is damaged (it has no {error.args[0]}). Delete it."
            ) from None
        if spec.run_id != row["run_id"]:
            columns = spec.columns()
            differing = [name for name in row if name in columns and columns[name] != row[name]]
            differing.remove("run_id")
            missing = [n for n in row if n.endswith(".sha256") and row[n] and not columns.get(n)]
            if missing:
                code = ", ".join(name.removesuffix(".sha256") for name in missing)
                raise StoreError(
                    f"{self._location}: the code or file of {code}= cannot be read here. Start the "
                    f"worker in the folder where the plan was made, or add that folder to "
                    f"PYTHONPATH."
                )
            raise StoreError(
                f"{self._location}: this machine would train other runs than the plan has; "
                f"{', '.join(differing) or 'their settings'} differ"
                f"{'s' * (len(differing) == 1)}. Use the version of adamcmp, the code and the "
                f"files with which the plan was made."
            )
        return spec
