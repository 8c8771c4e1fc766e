"""``--cfg``: show the composed configuration of ``run`` and ``sweep`` instead of training."""

from __future__ import annotations

import argparse

from adamcmp.cli._parser import Parser
from adamcmp.errors import ConfigError


def add_options(parser: Parser) -> None:
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


def is_requested(options: argparse.Namespace) -> bool:
    """Return whether the configuration is to be printed.

    Raises:
        ConfigError: If an option that belongs to ``--cfg`` is given without it.
    """
    if not options.cfg and (options.resolve or options.package):
        option = "--resolve" if options.resolve else "--package"
        raise ConfigError(f"{option} changes what --cfg prints: add --cfg job, or remove {option}.")
    return bool(options.cfg)


def print_config(options: argparse.Namespace, default_study: str | None = None) -> int:
    """Print the composed configuration.

    Args:
        options: The parsed options.
        default_study: Name of the study without ``study=``; None derives it from the overrides.

    Returns:
        The exit code, 0.
    """
    from adamcmp.workflows.composing import study_composer

    composer = study_composer(options.config_dir)
    composer.check_single_run(options.overrides)
    composer = composer.of_study(options.overrides, default_study)
    text = composer.config_yaml(options.overrides, options.cfg, options.package, options.resolve)
    print(text, end="")
    return 0
