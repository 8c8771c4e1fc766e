"""What commands share."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path


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
