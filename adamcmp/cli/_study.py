"""Arguments of the commands that name a study."""

from __future__ import annotations

from adamcmp.cli import _completers
from adamcmp.cli._parser import Parser
from adamcmp.cli._training import add_overrides


def add_study(parser: Parser) -> None:
    """Add the name of a study."""
    parser.add_argument(
        "study", metavar="STUDY", help="name of a study", completer=_completers.studies
    )


def add_execution_overrides(parser: Parser) -> None:
    """Add the overrides of a command that keeps the settings of a study's runs."""
    completer = _completers.execution_settings
    add_overrides(parser, "executor=, workers= or checkpoint_every=", completer)
