"""``adamcmp study`` and ``adamcmp extend``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from adamcmp.cli._options import Parser, add_results, results_root
from adamcmp.cli.browse import describe
from adamcmp.cli.dry_run import dry_run
from adamcmp.cli.report import print_summary
from adamcmp.cli.run import add_training, print_notice, report_sweep, train_with_bar

if TYPE_CHECKING:
    from adamcmp.config import Select, StudyConfig
    from adamcmp.execution.execute import ExecutionResult


def study(words: list[str]) -> int:
    """Train the grids of a study file, then fresh seeds of its winners, and report on them all.

    Returns:
        1 when a run crashed, or another process trains some, else 0.
    """
    options = _study_options(words)
    from adamcmp.config import Composer, compose_study, read_study, study_files

    if options.name is None:
        for name, path in study_files(options.config_dir).items():
            print(f"{name:<16} {describe(path)}")
        return 0
    file = read_study(options.name, options.config_dir, options.scale)
    composer = Composer(options.config_dir)
    config = compose_study(composer, options.name, file, options.words, options.scale)
    from adamcmp.workflows.followup import both_stages, check_select

    select = file.select
    if select is not None:
        check_select(config, select)
    if options.dry_run:
        if select is not None and not options.json:
            print(f"fresh seeds of the winners included ({select.seeds} each)")
        return dry_run(lambda: both_stages(config, select) if select else config, options)

    done = _stages(config, select, options)
    code = max([report_sweep(stage, options.json) for stage in done])
    if not done[-1].in_progress:
        _report(done[-1].folder, options)
    return code


def _study_options(words: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="adamcmp study",
        description="Train the grids of a study file, then fresh seeds of its winners, and "
        "report on them all.",
    )
    parser.add_argument("name", nargs="?", help="the file's name; none lists the files")
    parser.add_argument("words", nargs="*", metavar="WORD", help="words that win over the file's")
    parser.add_argument("--config-dir", "-cd", help="a folder of your own yaml files")
    parser.add_argument("--scale", help="a size of the study that the file names, such as smoke")
    add_training(parser)
    parser.set_defaults(whole_plan=True)
    return parser.parse_intermixed_args(words)


def _stages(
    config: StudyConfig, select: Select | None, options: argparse.Namespace
) -> list[ExecutionResult]:
    """Train the grids, then fresh seeds of the winners; no winners while others train some."""
    from adamcmp.execution.execute import with_numerics_of
    from adamcmp.execution.workers import Workers
    from adamcmp.workflows.followup import both_stages, fresh_seeds

    if select is not None:
        whole = both_stages(config, select)
        config = with_numerics_of(config, whole, print_notice)
    with Workers() as workers:
        done = [train_with_bar(config, options, workers)]
        if select is not None and not done[0].in_progress:
            second = fresh_seeds(config, done[0].folder, done[0].specs, select)
            done.append(train_with_bar(second, options, workers))
    return done


def _report(folder: Path, options: argparse.Namespace) -> None:
    """Write a study's report, and print its answer."""
    from adamcmp.reporting import report

    if not options.quiet and not options.json:
        print("reporting ...", file=sys.stderr, flush=True)
    written = report([folder])
    if not options.json:
        print_summary(written)


def extend(words: list[str]) -> int:
    """Train the cells beyond edges on which an optimizer's best setting lies."""
    parser = Parser(
        prog="adamcmp extend",
        description="Where an optimizer's best lr or wd is the last of its grid, train the cells "
        "beyond, in that grid's own spacing.",
    )
    parser.add_argument("study", help="its name")
    parser.add_argument("words", nargs="*", metavar="WORD", help="workers=, checkpoint_every=")
    add_training(parser)
    add_results(parser)
    options = parser.parse_intermixed_args(words)
    from adamcmp.config import Composer, Execution
    from adamcmp.errors import ConfigError
    from adamcmp.storage.reader import study_folder
    from adamcmp.workflows.followup import beyond_edges

    for word in options.words:
        if word.partition("=")[0] not in Execution.model_fields:
            known = ", ".join(f"{name}=" for name in Execution.model_fields)
            raise ConfigError(
                f"{word}: the study's settings are kept; `extend` takes {known} only."
            )
    execution = Composer().run(options.words).execution if options.words else None
    config, edges = beyond_edges(study_folder(results_root(options), options.study), execution)
    if not edges:
        print("No optimizer's best setting lies on the edge of its grid.")
        return 0
    if not options.json:
        for edge in edges:
            print(
                f"{edge.optimizer} on {edge.problem}: best {edge.axis} {edge.best:g} is on the "
                f"edge of its grid: {edge.axis} {edge.beyond:g} is added"
            )
    if options.dry_run:
        return dry_run(lambda: config, options)
    done = train_with_bar(config, options)
    return report_sweep(done, options.json)
