"""``--cfg``: show the composed configuration of ``run`` and ``sweep`` instead of training."""

from __future__ import annotations

import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg`` and the options that belong to it."""
    parser.add_argument(
        "--cfg",
        "-c",
        choices=("job", "hydra", "all"),
        help="print the configuration as yaml; train nothing",
    )
    parser.add_argument(
        "--resolve", action="store_true", help="with --cfg: replace references by their values"
    )
    parser.add_argument("--package", "-p", metavar="KEY", help="with --cfg: print one section only")


def print_config(options: argparse.Namespace) -> int:
    """Print the composed configuration.

    Args:
        options: The parsed options.

    Returns:
        The exit code, 0.
    """
    from adamcmp.config import Composer

    composer = Composer(options.config_dir)
    composer.check_single_run(options.overrides)
    text = composer.config_yaml(options.overrides, options.cfg, options.package, options.resolve)
    print(text, end="")
    return 0
