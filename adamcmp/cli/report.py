"""``adamcmp report``: the verdict, the fairness audit, tables and plots of studies."""

from __future__ import annotations

import argparse
import gc
from pathlib import Path
from typing import TYPE_CHECKING

from adamcmp.cli import _completers
from adamcmp.cli._options import add_question, add_results, results_option, results_root
from adamcmp.cli._parser import Parser, paths
from adamcmp.cli._tables import fitted_table
from adamcmp.cli._terminal import notify, shown_if_slow, wrapped
from adamcmp.errors import ConfigError
from adamcmp.storage.filters import is_filter

if TYPE_CHECKING:
    from adamcmp.reporting import Answer, Report

#: Default seconds between two checks of --watch.
WATCH_EVERY = 10.0
#: Seconds that --watch waits for a study whose sweep is still starting up.
STUDY_TIMEOUT = 30.0
#: Findings with which ``--strict`` passes, since none means that a comparison is unfair: a check
#: could not run, intervals leave out a source of variation, or all optimizers have the same mixture
#: of processors or versions.
NOT_UNFAIR = ("unread", "samples", "training data", "rounding")

EXAMPLES = """\
examples:
  adamcmp report                            the latest study
  adamcmp report first second               two studies as one
  adamcmp report first lr=0.001 'seed<5'    runs that meet all conditions
  adamcmp report first --baseline adamw     each other optimizer against AdamW
  adamcmp report first --format latex --out tables.tex
  adamcmp report first --watch              update the page while a sweep trains
"""


#: Pairs of optimizers that the terminal shows for each problem: all pairs of six optimizers.
_PRINTED_PAIRS = 15


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "report",
        "Report on studies: verdict, fairness audit, tables, plots.\n"
        "Writes tables (csv, md), plots (png, svg, pdf) and one HTML page of all of them\n"
        "into STUDY/report/. Several studies are reported as one. With conditions, the\n"
        "report is in a subfolder of STUDY/report/ that is named after them.",
        EXAMPLES,
    )
    parser.add_argument(
        "selection",
        nargs="*",
        metavar="STUDY | COLUMN=VALUE",
        help="studies (default: the latest), and conditions on their runs",
        completer=_completers.studies_and_conditions,
    )
    parser.add_argument(
        "--format",
        choices=("md", "csv", "latex"),
        help="print the tables instead; csv prints the best settings only",
    )
    parser.add_argument(
        "--out", metavar="FILE", help="write the tables of --format into a file", completer=paths
    )
    add_question(parser)
    parser.add_argument(
        "--strict", action="store_true", help="exit with 1 if the audit finds a comparison unfair"
    )
    parser.add_argument(
        "--watch",
        nargs="?",
        type=_seconds,
        const=WATCH_EVERY,
        metavar="SECONDS",
        help=f"update the page while a sweep trains, at most every {WATCH_EVERY:g} s by default",
    )
    add_results(parser)
    return parser


def main(arguments: list[str]) -> int:
    """Write a report and print its verdict.

    Returns:
        0; 1 if a statistic or a plot failed, or with ``--strict`` if the audit has a finding
        of another kind than `NOT_UNFAIR`.
    """
    options = parser().parse(arguments)
    if options.watch is not None and options.format:
        raise ConfigError("--watch updates the HTML page and cannot be combined with --format.")
    if options.out and not options.format:
        raise ConfigError("--out FILE needs --format md, csv or latex.")
    gc.set_threshold(100_000)  # a report creates many objects but few cycles: 10 % of its time
    answer = _answer(options)
    has_findings = any(finding.kind not in NOT_UNFAIR for finding in answer.findings)
    return 1 if answer.failed or (options.strict and has_findings) else 0


def _answer(options: argparse.Namespace) -> Answer:
    """Write or print what the options ask for; return the report's contents."""
    from adamcmp.analysis.question import Question
    from adamcmp.reporting import compute_answer, record_looks, report
    from adamcmp.reporting.watch import training_status, watch
    from adamcmp.workflows.report import study_folders, wait_for_studies

    root, question = results_root(options), Question(options.baseline, options.margin)
    studies = [argument for argument in options.selection if not is_filter(argument)]
    filters = [argument for argument in options.selection if is_filter(argument)]
    if options.watch is not None:
        folders = wait_for_studies(root, studies, STUDY_TIMEOUT, notify)
        return watch(
            folders, filters, options.watch, print_report, notify, question=question
        ).answer
    folders = study_folders(root, studies)
    if not studies:
        notify(f"the latest study is {folders[0].name!r}.")
    if options.format:
        with shown_if_slow("computing the tables"):
            contents = record_looks(compute_answer(folders, filters, question))
        _output_tables(contents, options.format, options.out)
        return contents
    with shown_if_slow("writing the report"):
        written = report(folders, filters, question=question)
    print_report(written)
    if training := training_status(folders):
        notify(f"{training} --watch updates the report as they end.")
    return written.answer


def _output_tables(answer: Answer, file_format: str, out: str | None) -> None:
    from adamcmp.workflows.report import format_tables, write_text

    text = format_tables(answer, file_format)
    if out is None:
        print(text, end="")
    else:
        write_text(Path(out), text)


def print_report(report: Report) -> None:
    """Print a report's verdict, audit findings and summary, and the names of its files."""
    from adamcmp.reporting.tables import shown_columns

    answer = report.answer
    problems = answer.runs["problem"].unique()
    for verdict in answer.verdicts:
        heading = [f"{verdict.problem}:"] * (len(problems) > 1)
        family = [verdict.family] if verdict.family else []
        properties = [verdict.properties] if verdict.properties else []
        pairs = _printed_pairs(verdict.pairs)
        lines = [*heading, verdict.overall, *pairs, *family, *properties]
        print(wrapped("\n".join(lines)))
    if not answer.verdicts:
        print(wrapped(answer.no_verdict_reason))
    _print_audit(report, several_problems=len(problems) > 1)
    counts = ", ".join(f"{count} {status}" for status, count in answer.counts.items())
    problem = f": {problems[0]}" if len(problems) == 1 else ""
    print(f"\n{answer.name}{problem} ({counts})\n")
    shown = {column.heading: column.texts for column in shown_columns(answer.summary)}
    print(fitted_table(shown))
    print(f"\n{wrapped(answer.summary.caption)}")
    names = dict.fromkeys(path.stem for path in report.files)
    print(f"page: {report.folder / 'index.html'}")
    print(wrapped(f"files in {report.folder}: {', '.join(names)}"))
    if commands := [finding.command for finding in answer.findings if finding.command]:
        print(f"Next: {commands[0]}{results_option(answer.studies[0].parent)}")
    print(end="", flush=True)  # unlike `sys.stdout.flush`, also works if stdout is closed


def _printed_pairs(sentences: tuple[str, ...]) -> list[str]:
    """Return the sentences on pairs that the terminal shows; the page has all of them."""
    printed = list(sentences[:_PRINTED_PAIRS])
    if more := len(sentences) - len(printed):
        noun = "pair is" if more == 1 else "pairs are"
        printed.append(
            f"{more} more {noun} on the page. --baseline NAME compares each optimizer with one."
        )
    return printed


def _print_audit(report: Report, *, several_problems: bool) -> None:
    print(wrapped(f"audit: {report.answer.budget_summary}"))
    for finding in report.answer.findings:
        problem = f"{finding.problem}: " if several_problems else ""
        print(wrapped(f"audit, {finding.severity}: {problem}{finding.text}"))
        if finding.command:
            print(f"    {finding.command}{results_option(report.answer.studies[0].parent)}")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} should be a number of seconds from 1 to 86400")
    return seconds
