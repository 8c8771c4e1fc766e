"""``adamcmp report``."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from adamcmp.analysis.filters import is_filter
from adamcmp.cli._options import Parser, add_results, results_option, results_root
from adamcmp.errors import ConfigError

if TYPE_CHECKING:
    from adamcmp.reporting import Answer, Report

#: Seconds between two looks of --watch, unless others are named.
WATCH_EVERY = 10.0
#: Seconds that --watch waits for a study to appear: its sweep is started and imports torch.
APPEARS_WITHIN = 30.0


def report(words: list[str]) -> int:
    """Write the report of studies and print its answer.

    Returns:
        1 when --strict and the audit finds something, else 0.
    """
    options = _parser().parse_intermixed_args(words)
    names = [word for word in options.words if not is_filter(word)]
    filters = [word for word in options.words if is_filter(word)]
    if options.watch is not None and options.format:
        raise ConfigError("--watch rewrites the page: it goes without --format.")
    if options.out and not options.format:
        raise ConfigError("--out FILE is for what --format prints: add --format md, csv or latex.")
    gc.set_threshold(100_000)  # many objects, hardly any in cycles: a tenth of the time
    root = results_root(options)
    folders = _folders(root, list(dict.fromkeys(names)), options.watch is not None)
    if options.format:
        found = _print_tables(folders, filters, options.format, options.out)
    elif options.watch is not None:
        from adamcmp.reporting.watch import watch

        found = watch(folders, filters, options.watch, print_summary, _note).answer
    else:
        from adamcmp.reporting import report as write
        from adamcmp.reporting.watch import training_status

        written = write(folders, filters)
        print_summary(written)
        if running := training_status(folders):
            _note(f"{running} --watch follows them.")
        found = written.answer
    found_something = any(finding.kind != "unread" for finding in found.findings)
    return 1 if options.strict and found_something else 0


def _folders(root: Path, names: list[str], waits: bool) -> list[Path]:
    """Return the folders of studies; of the latest one without names.

    Args:
        root: Where studies are.
        names: Theirs.
        waits: Whether one that is not there yet may come to be: a sweep that has just been started.
    """
    from adamcmp.errors import NotFound
    from adamcmp.storage.reader import study_folder

    asked: list[str | None] = [*names] or [None]
    until = time.monotonic() + APPEARS_WITHIN if waits else 0.0
    while True:
        try:
            return [study_folder(root, name) for name in asked]
        except NotFound as error:
            if time.monotonic() >= until:
                raise
            if waits:
                _note(f"{error} Waiting {APPEARS_WITHIN:g} s for it.")
                waits = False
            time.sleep(0.5)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="adamcmp report",
        description="Write the report of a study into its folder: a page (html) with the verdict, "
        "the fairness audit, tables (csv, md) and plots (png, svg, pdf). Several studies are "
        "reported as one.",
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="STUDY | COLUMN=VALUE",
        help="studies (none: the latest), and conditions that runs must meet",
    )
    formats = ("md", "csv", "latex")
    parser.add_argument(
        "--format", choices=formats, help="print the tables instead; csv: that of best settings"
    )
    parser.add_argument("--out", metavar="FILE", help="where to write what --format prints")
    parser.add_argument(
        "--strict", action="store_true", help="exit with 1 when the audit finds something"
    )
    parser.add_argument(
        "--watch",
        nargs="?",
        type=_seconds,
        const=WATCH_EVERY,
        metavar="SECONDS",
        help=f"write the page anew while a sweep runs (every {WATCH_EVERY:g} s, where runs ended)",
    )
    add_results(parser)
    return parser


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 1 to 86400")
    return seconds


def _print_tables(folders: list[Path], filters: list[str], kind: str, out: str | None) -> Answer:
    from adamcmp.platform.files import storage_errors, write_atomically
    from adamcmp.reporting import compute_answer
    from adamcmp.reporting.formats import FORMATS

    found = compute_answer(folders, filters)
    # A csv file is one table: the first, which has the settings.
    tables = found.tables[:1] if kind == "csv" else found.tables
    text = "\n".join(FORMATS[kind](table) for table in tables)
    if out is None:
        print(text, end="")
    else:
        with storage_errors(Path(out).parent):
            write_atomically(Path(out), text.encode())
    return found


def print_summary(written: Report) -> None:
    """Print the verdict, what the audit found, the summary, and where the files are."""
    from tabulate import tabulate

    from adamcmp.reporting.tables import shown_columns

    found = written.answer
    problems = found.runs["problem"].unique()
    for verdict in found.verdicts:
        heading = [f"{verdict.problem}:"] * (len(problems) > 1)
        print("\n".join([*heading, verdict.overall, *verdict.pairs]))
    if not found.verdicts:
        print(found.comparisons.missing_reason)
    print(f"audit: {_given(found)}")
    for finding in found.findings:
        where = f"{finding.problem}: " if len(problems) > 1 else ""
        print(f"audit, {finding.severity}: {where}{finding.text}")
        if finding.command:
            print(f"    {finding.command}{results_option(written.folder.parent.parent)}")
    counts = ", ".join(f"{count} {status}" for status, count in found.counts.items())
    where = f": {problems[0]}" if len(problems) == 1 else ""
    print(f"\n{found.name}{where} ({counts})\n")
    shown = {column.label: column.texts for column in shown_columns(found.summary)}
    print(tabulate(shown, headers="keys", disable_numparse=True))
    print(f"\n{found.summary.caption}")
    names = dict.fromkeys(path.stem for path in written.files)
    print(f"page: {written.folder / 'index.html'}")
    print(f"files in {written.folder}: {', '.join(names)}", flush=True)


def _given(found: Answer) -> str:
    """Return how many settings and runs each optimizer had, alike ones together."""
    from adamcmp.analysis import budgets, display_name
    from adamcmp.analysis.wording import listed

    several = found.runs["problem"].nunique() > 1
    who: dict[tuple[int, int], list[str]] = {}
    for row in budgets(found.table).to_dict("records"):
        name = display_name(row["optimizer"]) + f" on {row['problem']}" * several
        who.setdefault((row["settings"], row["runs"]), []).append(name)
    return "; ".join(
        f"{listed(names)} had {settings} setting{'s' * (settings > 1)} and {runs} "
        f"run{'s' * (runs > 1)}{' each' * (len(names) > 1)}"
        for (settings, runs), names in who.items()
    )


def _note(text: str) -> None:
    print(f"adamcmp: {text}", file=sys.stderr)
