"""``adamcmp import-csv``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adamcmp.cli._options import Parser, add_results
from adamcmp.errors import ConfigError

if TYPE_CHECKING:
    from adamcmp.workflows.importing import ImportResult, Reading

EXAMPLES = """\
A row is a run with its final metrics or, with a column step, an evaluation of one. Columns that
have our names are taken as they are. Every run needs optimizer, dataset, model, lr, wd, seed and a
test metric; for settings to be chosen, a validation metric too. A metric that is nan or inf, or no
test metric, makes a run diverged, unless a column status says done, diverged or failed.

examples:
  adamcmp import-csv theirs.csv --study theirs --map optimizer=opt test_accuracy=acc \\
      --percent test_accuracy --set dataset=cifar10 model=resnet18 wd=0
  adamcmp import-csv log.csv --study log --map step=iteration --settings momentum --dry-run
"""


def import_csv(words: list[str]) -> int:
    """Bring runs that another program trained into a study."""
    options = _parsed(words)
    from adamcmp.components.validation import build
    from adamcmp.config import ResultsLocation
    from adamcmp.workflows.importing import Reading, Wanted, bring, read_sheet

    place = build(ResultsLocation, {"study": options.study, "results": options.results}, "")
    wanted = Wanted(
        _pairs(options.map, "--map", "COLUMN"),
        _pairs(options.set, "--set", "VALUE"),
        frozenset(options.percent),
        tuple(dict.fromkeys(options.settings)),
    )
    reading = Reading(read_sheet(Path(options.file).expanduser()), wanted)
    found = bring(reading, place.folder, dry=options.dry_run)
    _print(reading, found)
    if options.dry_run:
        print("Nothing was written (--dry-run).")
    else:
        print(f"files in {place.folder}; `adamcmp report {options.study}` compares them.")
    return 0


def _parsed(words: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="adamcmp import-csv",
        description="Bring runs that another program trained into a study of their own.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    several: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
    parser.add_argument("file", metavar="FILE", help="the table; , ; tab or | between columns")
    parser.add_argument("--study", required=True, help="the study's name, new or of imported runs")
    parser.add_argument("--map", metavar="OURS=COLUMN", help="columns of other names", **several)
    parser.add_argument(
        "--set", metavar="OURS=VALUE", help="what is the same in all rows", **several
    )
    parser.add_argument("--percent", metavar="OURS", help="metrics that are in percent", **several)
    parser.add_argument(
        "--settings", metavar="COLUMN", help="columns that are settings of their own", **several
    )
    parser.add_argument("--dry-run", "-n", action="store_true", help="show what was understood")
    add_results(parser)
    return parser.parse_args(words)


def _pairs(words: Sequence[str], flag: str, meant: str) -> dict[str, str]:
    """Return words ``ours=theirs`` as a mapping, short keys in full.

    Raises:
        ConfigError: For a word of another form, and one that is given twice.
    """
    found: dict[str, str] = {}
    for word in words:
        ours, sign, theirs = word.partition("=")
        if not sign or not ours or not theirs:
            raise ConfigError(f"{flag} {word}: should be OURS={meant}, such as {flag} lr={meant}.")
        if ours in found:
            raise ConfigError(f"{flag} {ours} is given twice.")
        found[ours] = theirs
    return found


def _print(reading: Reading, found: ImportResult) -> None:
    """Show what was understood."""
    sheet = reading.sheet
    form = "an evaluation of a run" if reading.long else "a run with its final metrics"
    print(f"{sheet.path}: {len(sheet.rows)} rows, each {form}")
    percent = reading.wanted.percent
    for ours, theirs in reading.columns.items():
        print(f"  {ours:<20} {theirs}{', in percent' if ours in percent else ''}")
    for ours, text in reading.wanted.constants.items():
        print(f"  {ours:<20} = {text}")
    if reading.unused:
        print(f"not used: {', '.join(reading.unused)} (--settings keeps one as a setting)")
    runs = found.runs
    counts = runs["status"].value_counts().items()
    said = ", ".join(f"{count} {status}" for status, count in counts)
    print(
        f"{len(runs)} runs ({said}), {runs['optimizer'].nunique()} optimizers, "
        f"{runs['setting'].nunique()} settings, {runs['seed'].nunique()} seeds; "
        f"{len(runs) - found.replaced} new, {found.replaced} take the place of the same run"
    )
    if len(found.metrics) == len(runs) > 1:
        print("Every run has one evaluation: if lr is the rate at each step, map the first rate.")
