"""Arguments that select a study, and by conditions some of its runs."""

from __future__ import annotations

import argparse

from adamcmp.cli import _completers
from adamcmp.cli._parser import Parser
from adamcmp.storage.filters import is_filter


def add_study_and_filters(parser: Parser, study_help: str, filters_help: str) -> None:
    """Add an optional study and any number of conditions; `study_and_filters` reads them."""
    parser.add_argument(
        "study",
        nargs="?",
        metavar="STUDY",
        help=study_help,
        completer=_completers.studies_and_conditions,
    )
    parser.add_argument(
        "filters",
        nargs="*",
        metavar="COLUMN=VALUE",
        help=filters_help,
        completer=_completers.conditions,
    )


def study_and_filters(options: argparse.Namespace) -> tuple[str | None, list[str]]:
    """Return the study and the conditions; no study if the first argument is a condition."""
    if options.study and is_filter(options.study):
        return None, [options.study, *options.filters]
    return options.study, options.filters
