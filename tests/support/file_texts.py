"""What a file says, in whichever format: secrets in a compressed column are found too."""

import pyarrow as pa
import pyarrow.parquet as pq


def text_of(content: bytes) -> str:
    """Return the content of a file as text; that of a Parquet file is decoded.

    Args:
        content: The content of the file.
    """
    if not content.startswith(b"PAR1"):
        return content.decode(errors="replace")
    table = pq.read_table(pa.BufferReader(content))
    return f"{table.schema.to_string(truncate_metadata=False)}\n{table.to_pylist()}"
