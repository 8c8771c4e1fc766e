"""Studies on disk: appending, reading and compacting runs, and the column registry."""
