"""``adamcmp study``: train the stages of a study file, and report on it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from adamcmp.cli import _completers
from adamcmp.cli._options import add_allow_code, add_config_dir, add_training
from adamcmp.cli._parser import Parser
from adamcmp.cli._training import add_overrides, print_plan, training_options

if TYPE_CHECKING:
    from adamcmp.workflows.study import StudyResult

EXAMPLES = """\
examples:
  adamcmp study                             list the study files
  adamcmp study decoupling --scale smoke    the scale smoke of a study
  adamcmp study tuned --dry-run             what it would train, and how long
  adamcmp study mine.yaml                   your own file
  adamcmp study mine --config-dir configs   your file configs/study/mine.yaml
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "study",
        "Train the grids of a study file, then new seeds of the best settings.\n"
        "The best settings are selected on validation. A report on all runs\n"
        "follows. Without arguments, list the study files.",
        EXAMPLES,
    )
    parser.add_argument(
        "name",
        nargs="?",
        metavar="NAME",
        help="name of a study file, or path of a yaml file",
        completer=_completers.study_files,
    )
    add_overrides(parser, "override, which takes precedence over the file's, such as seeds=5")
    add_config_dir(parser)
    add_allow_code(parser)
    parser.add_argument(
        "--scale",
        metavar="NAME",
        help="a scale that the file defines, such as smoke",
        completer=_completers.scales,
    )
    add_training(parser)
    return parser


def main(arguments: list[str]) -> int:
    """Train a study file and report on it, or list the study files.

    Returns:
        0; 1 if a run, a statistic or a plot failed, or another process is training some runs.
    """
    options = parser().parse(arguments)
    from adamcmp.cli.report import print_report
    from adamcmp.cli.sweep import print_result
    from adamcmp.workflows.study import list_study_files, train_study
    from adamcmp.workflows.study_stages import configure_study

    if options.name is None:
        for name, description in list_study_files(options.config_dir).items():
            print(f"{name:<16} {description}")
        return 0
    study = configure_study(options.name, options.overrides, options.scale, options.config_dir)
    if options.dry_run:
        for stage in study.later_stages if not options.json else ():
            settings = "candidate" if stage.are_candidates else "best setting"
            print(f"including {len(stage.seeds)} new seeds of each {settings}")
        return print_plan(study.all_stages, options)

    def on_trained(result: StudyResult) -> None:
        for stage in result.stages:
            print_result(stage, as_json=options.json)
        if not (options.quiet or options.json or result.in_progress):
            print("writing the report ...", file=sys.stderr, flush=True)

    training = training_options(options, show_plan=True)
    result = train_study(study, training, on_trained=on_trained)
    if result.report and not options.json:
        print_report(result.report)
    report_failed = result.report is not None and result.report.answer.failed
    return 0 if result.complete and not report_failed else 1
