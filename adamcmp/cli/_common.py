"""What commands share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def add_results(parser: argparse.ArgumentParser) -> None:
    """Add the option for the folder of all studies."""
    parser.add_argument(
        "--results",
        default=os.environ.get("ADAMCMP_RESULTS", "results"),
        help="folder of all studies (default: the environment's ADAMCMP_RESULTS, or results)",
    )


def results_root(options: argparse.Namespace) -> Path:
    """Return the folder of all studies."""
    return Path(options.results).expanduser()
