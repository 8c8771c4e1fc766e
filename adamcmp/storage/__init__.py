"""Studies on disk: appending results, reading them, the names of columns."""
