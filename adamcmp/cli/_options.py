"""Options that several commands share."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from adamcmp.errors import SYNONYMS, ConfigError, nearest


class Parser(argparse.ArgumentParser):
    """Parses the arguments of one command; an invalid option raises `ConfigError`.

    Args:
        command: The command's name.
        description: What the command does.
        examples: Text below the options, such as examples.

    Attributes:
        flags: All option strings, such as ``--json``, in the order in which they were added.
    """

    def __init__(self, command: str, description: str, examples: str = "") -> None:
        self.flags: list[str] = []  # before super().__init__, which adds --help
        super().__init__(
            prog=f"adamcmp {command}",
            description=description,
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def add_argument(self, *args: Any, **kwargs: Any) -> argparse.Action:
        """Add an argument; see `argparse.ArgumentParser.add_argument`."""
        action = super().add_argument(*args, **kwargs)
        self.flags += action.option_strings
        return action

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the known arguments; see `argparse.ArgumentParser.parse_known_args`.

        Raises:
            ConfigError: If a setting was typed as an option, such as ``--lr 0.01``.
        """
        parsed, unknown = super().parse_known_args(args, namespace)
        _check_dashes(unknown)
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        """Reject the arguments.

        Raises:
            ConfigError: Always, with argparse's message and the most similar option.
        """
        # Only the text of the message has the unknown argument.
        _, _, unknown = message.partition("unrecognized arguments: ")
        typed = unknown.partition(" ")[0].partition("=")[0]
        suggestion = nearest(typed, self.flags) if unknown else ""
        usage = suggestion or f" `{self.prog} --help` lists the options."
        raise ConfigError(f"{message}.{usage}")


def _check_dashes(unknown: Sequence[str]) -> None:
    for argument, following in pairwise([*unknown, ""]):
        option, _, value = argument.partition("=")
        key = option.lstrip("-").replace("-", "_")
        key = SYNONYMS.get(key, key)
        if option.startswith("-") and _is_setting(key):
            if not value and following and following[0] != "-" and "=" not in following:
                value = following
            raise ConfigError(
                f"{argument}: settings have no dashes. Write {key}={value or 'VALUE'}."
            )


def _is_setting(key: str) -> bool:
    from adamcmp.config import is_setting  # imports Hydra

    return is_setting(key)


def add_results(parser: argparse.ArgumentParser) -> None:
    """Add ``--results``, the folder of all studies."""
    parser.add_argument(
        "--results",
        metavar="FOLDER",
        default=_default_results(),
        help="folder of all studies (default: $ADAMCMP_RESULTS, or results)",
    )


def add_config_dir(parser: argparse.ArgumentParser) -> None:
    """Add ``--config-dir``, the folder of the user's yaml files."""
    parser.add_argument(
        "--config-dir", "-cd", metavar="FOLDER", help="folder of your additional yaml files"
    )


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add the options of all commands that train."""
    parser.add_argument("--force", action="store_true", help="retrain runs that already exist")
    parser.add_argument("--retry-failed", action="store_true", help="retrain runs that crashed")
    parser.add_argument(
        "--dry-run",
        "-n",
        action="store_true",
        help="show what would be trained and how long it would take; train nothing",
    )
    parser.add_argument("--quiet", "-q", action="store_true", help="show no progress")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def results_root(options: argparse.Namespace) -> Path:
    """Return the folder of all studies."""
    return Path(options.results).expanduser()


def study_arguments(folder: Path) -> str:
    """Return the arguments that select a study in other commands, quoted for a shell.

    Args:
        folder: The study's folder.

    Returns:
        The study's name, and ``--results`` unless its parent is the default results folder.
    """
    default = Path(_default_results()).expanduser()
    if folder.parent.resolve() == default.resolve():
        return shlex.quote(folder.name)
    return f"{shlex.quote(folder.name)} --results {shlex.quote(str(folder.parent))}"


def results_option(root: Path) -> str:
    """Return the ``--results`` option of a follow-up command; empty for the default folder."""
    return "" if root == Path(_default_results()) else f" --results {shlex.quote(str(root))}"


def _default_results() -> str:
    return os.environ.get("ADAMCMP_RESULTS", "results")
