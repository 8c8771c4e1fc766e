"""Read runs of another program: CSV cells -> adamcmp's columns -> runs and evaluations.

A row of the file is a run with its final metrics or, if there is a column ``step``, an evaluation
of a run. A run's id is a hash of its settings: importing a file twice stores its runs once, and a
changed row replaces its run.
"""

from adamcmp.workflows.importing.csv_table import CsvTable, read_csv_table
from adamcmp.workflows.importing.mapped_table import MappedTable
from adamcmp.workflows.importing.mapping import ImportOptions
from adamcmp.workflows.importing.runs import runs_and_metrics

__all__ = ["CsvTable", "ImportOptions", "MappedTable", "read_csv_table", "runs_and_metrics"]
