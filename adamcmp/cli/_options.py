"""Options that several commands share, and what they mean."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from adamcmp.cli._parser import Parser, paths
from adamcmp.errors import ConfigError
from adamcmp.platform.addresses import Address, address, default_results, study_arguments


def add_question(parser: Parser) -> None:
    """Add the options of what comparisons ask: the baseline and the margin of equality."""
    parser.add_argument(
        "--baseline",
        metavar="OPTIMIZER",
        help="compare each other optimizer with this one, instead of all pairs",
    )
    parser.add_argument(
        "--margin",
        type=float,
        metavar="DIFFERENCE",
        help="test whether optimizers are equal within this difference of the reported metric, in "
        "percentage points for errors",
    )


def add_results(parser: Parser) -> None:
    """Add ``--results``, the folder of all studies."""
    parser.add_argument(
        "--results",
        metavar="FOLDER",
        default=default_results(),
        completer=paths,
        help="folder of all studies, or its s3:// URL (default: $ADAMCMP_RESULTS, or results)",
    )


def add_config_dir(parser: Parser) -> None:
    """Add ``--config-dir``, the folder of the user's yaml files."""
    parser.add_argument(
        "--config-dir",
        "-cd",
        metavar="FOLDER",
        help="folder of your additional yaml files",
        completer=paths,
    )


def add_allow_code(parser: Parser) -> None:
    """Add ``--allow-code``, without which files of others name no code to import.

    `Parser.parse` puts it into effect; see `adamcmp.components.trusted_code`.
    """
    parser.add_argument(
        "--allow-code",
        action="store_true",
        help="import classes that the study's files name; use it only if you trust their author",
    )


def add_training(parser: Parser, *, retrains: bool = True) -> None:
    """Add the options of all commands that train.

    Args:
        parser: The parser of the command.
        retrains: Whether the command can retrain runs.
    """
    if retrains:
        parser.add_argument("--force", action="store_true", help="retrain runs that already exist")
        parser.add_argument("--retry-failed", action="store_true", help="retrain runs that crashed")
    else:
        parser.set_defaults(force=False, retry_failed=False)
    parser.add_argument(
        "--dry-run",
        "-n",
        action="store_true",
        help="show what would be trained and how long it would take; train nothing",
    )
    parser.add_argument("--quiet", "-q", action="store_true", help="show no progress")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def results_root(options: argparse.Namespace) -> Address:
    """Return the folder or the URL of all studies.

    Raises:
        ConfigError: If it is empty, a file, or a URL that cannot be used.
    """
    if not options.results.strip():
        raise ConfigError("--results or ADAMCMP_RESULTS is empty: name a folder, or an s3:// URL.")
    root = address(options.results)
    if isinstance(root, Path) and root.is_file():
        raise ConfigError(
            f"The results folder {root} is a file. Set --results or ADAMCMP_RESULTS to a folder."
        )
    return root


def report_command(folder: Address) -> str:
    """Return a sentence on the command that reports on a study, which may have one optimizer.

    Args:
        folder: The study's folder or URL.
    """
    from adamcmp.storage.reader import read_runs

    runs = read_runs(folder, ["optimizer", "rule", "coupling", "optimizer.target"])
    variants = set(zip(*(runs[name].to_pylist() for name in runs.column_names), strict=True))
    purpose = "compares the optimizers" if len(variants) > 1 else "reports on it"
    return f"`adamcmp report {study_arguments(folder)}` {purpose}."


def results_option(root: Address) -> str:
    """Return the ``--results`` option of a follow-up command; empty for the default folder."""
    return "" if root == address(default_results()) else f" --results {shlex.quote(str(root))}"
