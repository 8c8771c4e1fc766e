"""Datasets in Parquet files of users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adamcmp.components.datasets._user_table import UserTable, without_index_names

if TYPE_CHECKING:
    import pandas as pd


class Parquet(UserTable):
    """Columns of numbers; one column is the target."""

    def header(self) -> list[str]:
        """See `UserTable.header`."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            schema = pq.read_schema(self.file())
        except (pa.ArrowException, OSError) as error:
            raise self.error(f"is not a Parquet file ({error}).") from None
        return without_index_names(schema.names)

    def frame(self) -> pd.DataFrame:
        """See `UserTable.frame`."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        header = self.header()
        try:
            rows = pq.read_table(self.file())
        except (pa.ArrowException, OSError) as error:
            raise self.error(f"is damaged ({error}).") from None
        # ignore_metadata: otherwise pandas would make the index that it wrote an index again.
        frame: pd.DataFrame = rows.to_pandas(ignore_metadata=True)
        return frame.set_axis(header, axis="columns")
