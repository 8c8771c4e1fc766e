"""What commands share."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path
from typing import NoReturn

from adamcmp.errors import ConfigError, nearest


class Parser(argparse.ArgumentParser):
    """Parses a command's options; what is wrong is said like any other bad input, on one line."""

    def error(self, message: str) -> NoReturn:
        """Refuse the options.

        Raises:
            ConfigError: Naming the nearest option.
        """
        _, _, unknown = message.partition("unrecognized arguments: ")
        known = list(self._option_string_actions)
        guess = nearest(unknown.partition(" ")[0].partition("=")[0], known) if unknown else ""
        raise ConfigError(f"{message}.{guess or f' `{self.prog} --help` shows the options.'}")


def add_results(parser: argparse.ArgumentParser) -> None:
    """Add the option for the folder of all studies."""
    parser.add_argument(
        "--results",
        default=_usual_results(),
        help="folder of all studies (default: the environment's ADAMCMP_RESULTS, or results)",
    )


def results_option(root: Path) -> str:
    """Return what a command needs to find a folder of studies; nothing for the usual one."""
    return "" if root == Path(_usual_results()) else f" --results {shlex.quote(str(root))}"


def _usual_results() -> str:
    return os.environ.get("ADAMCMP_RESULTS", "results")


def results_root(options: argparse.Namespace) -> Path:
    """Return the folder of all studies."""
    return Path(options.results).expanduser()
