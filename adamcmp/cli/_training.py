"""Options, dry runs and progress of the commands that train."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from adamcmp.cli import _completers
from adamcmp.cli._parser import Completer, Parser
from adamcmp.cli._terminal import shown_if_slow

if TYPE_CHECKING:
    from adamcmp.config import StudyConfig
    from adamcmp.execution.observer import Observer
    from adamcmp.workflows.training import TrainingOptions

#: What overrides can be, for the help texts of ``run`` and ``sweep``.
OVERRIDES_HELP = """\
overrides (Hydra's grammar):
  GROUP=NAME            select a component: dataset= model= optimizer= schedule=
                        wd_schedule= loss= logger= executor=;
                        `adamcmp components` lists them
  lr= wd= seed= epochs= batch_size= study= device=
                        short keys that work for every optimizer
  KEY=VALUE             any setting, such as optimizer.betas=[0.9,0.99];
                        `adamcmp run --cfg job` shows all of them
  +KEY=VALUE  ~KEY      add a key, delete a key
  workers= threads= engine= checkpoint_every=
                        number of worker processes, and numerics

several values (for `sweep`, which trains every combination):
  KEY=A,B  KEY=range(0,5)  KEY=choice(A,B)
  seeds=5               seeds 0 to 4
  KEY=logspace(1e-4,1e-1,7)  KEY=linspace(0,1,5)  KEY=powers(2,-12,-4)
                        ranges of values, also in lists: wd=0,powers(2,-12,-4)
  KEY,KEY=A:B,C:D       pairs of values
  KEY=tag(log,interval(1e-4,1e-1)) sampler=tpe n=64
                        search a range with Optuna (random, sobol, tpe or cmaes)
"""


def add_overrides(parser: Parser, text: str, completer: Completer = _completers.overrides) -> None:
    """Add the overrides, which may be mixed with options."""
    parser.add_argument(
        "overrides",
        nargs="*",
        default=[],  # without a default argparse lists it among the required arguments
        metavar="OVERRIDE",
        help=text,
        completer=completer,
    )


def training_options(options: argparse.Namespace, *, show_plan: bool = False) -> TrainingOptions:
    """Return training options that show a progress bar on stderr.

    Args:
        options: The parsed options of `adamcmp.cli._options.add_training`.
        show_plan: Whether to show the table of the runs to train before training them.
    """
    from adamcmp.cli.progress_bar import Bar
    from adamcmp.workflows.training import TrainingOptions

    @contextmanager
    def display(combinations: int, batches: bool) -> Iterator[Observer]:
        with Bar(combinations, options.quiet, show_plan, batches) as bar:
            yield bar.observer()

    return TrainingOptions(options.force, options.retry_failed, display)


def print_plan(configure: Callable[[], StudyConfig], options: argparse.Namespace) -> int:
    """Print what a command would train.

    Args:
        configure: Returns the configuration.
        options: The parsed options of `adamcmp.cli._options.add_training`.

    Returns:
        The exit code, 0.
    """
    from adamcmp.cli.dry_run import as_json, as_text
    from adamcmp.workflows.dry_run import preview_configuration
    from adamcmp.workflows.training import TrainingOptions

    with shown_if_slow("planning"):
        preview = preview_configuration(
            configure, TrainingOptions(options.force, options.retry_failed)
        )
    print(as_json(preview) if options.json else as_text(preview))
    return 0
