"""Runs that another program trained: from the rows of a CSV file to a study.

A row is a run, with its final metrics; or, where there is a column ``step``, an evaluation of one.
A run is known by its settings: its id is a hash of them, so that importing a file again doubles
nothing, and a row that has changed takes the place of the old one.
"""

from adamcmp.workflows.importing.reading import Reading, Wanted
from adamcmp.workflows.importing.runs import ImportResult, bring
from adamcmp.workflows.importing.sheet import Sheet, read_sheet

__all__ = ["ImportResult", "Reading", "Sheet", "Wanted", "bring", "read_sheet"]
