"""``adamcmp import-csv``: import runs that another program trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adamcmp.cli import _completers
from adamcmp.cli._options import add_results, report_command
from adamcmp.cli._parser import Parser, paths
from adamcmp.cli._terminal import shown_if_slow, wrapped
from adamcmp.errors import ConfigError
from adamcmp.platform.files import expand_user

if TYPE_CHECKING:
    from adamcmp.workflows.import_runs import ImportResult

HELP = """\
A row of the file is a run with its final metrics. If there is a column step, a
row is one evaluation of a run.

Columns that have adamcmp's names (OURS) are read as they are. --map lr=rate
reads lr from column rate, and --set wd=0 sets wd in all rows. Every run needs
  optimizer, dataset, model, lr, wd
  seed           a number or a text; --map seed=A,B joins two columns
  a test metric  test_error, test_accuracy or test_loss
  a validation metric (val_error ...), on which a report selects settings
Runs with validation metrics only are selected and reported on them, and the
audit says so. Columns that are not used are listed.

Without a column status (done, diverged or failed), a run has diverged if a
metric is nan or inf, or if it lacks the test metrics that other runs have.

examples:
  adamcmp import-csv theirs.csv --study theirs --percent test_accuracy \\
      --map optimizer=opt test_accuracy=acc \\
      --set dataset=cifar10 model=resnet18 wd=0
  adamcmp import-csv log.csv --study log --map step=iteration --dry-run
"""
#: The options that say how columns and rows are read: flag, name of a value, help.
READING = (
    ("--map", "OURS=COLUMN", "read OURS from a column of another name"),
    ("--set", "OURS=VALUE", "set OURS to one value in all rows"),
    ("--percent", "OURS", "errors and accuracies in percent"),
    (
        *("--higher-is-better", "OURS"),
        "losses that are mapped to a score, such as a reward; its negative is stored",
    ),
    ("--settings", "COLUMN", "columns that are additional settings"),
    (
        *("--where", "CONDITION"),
        "import only rows that meet conditions on the file's columns, such as 'epoch<50'",
    ),
)


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser("import-csv", "Import the runs of another program into a separate study.", HELP)
    parser.add_argument(
        "file", metavar="FILE", help="CSV file, separated by , ; tab or |", completer=paths
    )
    parser.add_argument(
        "--study",
        metavar="NAME",
        required=True,
        help="a new study, or one of imported runs",
        completer=_completers.studies,
    )
    for flag, metavar, text in READING:
        parser.add_argument(
            flag, metavar=metavar, help=text, nargs="+", action="extend", default=[]
        )
    parser.add_argument(
        "--paired-seeds",
        action="store_true",
        help="equal seeds share initial weights and batches: compare optimizers seed by seed",
    )
    parser.add_argument(
        "--dry-run", "-n", action="store_true", help="show how the file is read; write nothing"
    )
    add_results(parser)
    return parser


def main(arguments: list[str]) -> int:
    """Import a file."""
    options = parser().parse(arguments)
    from adamcmp.components.validation import build
    from adamcmp.config import ResultsLocation
    from adamcmp.workflows.import_runs import import_runs
    from adamcmp.workflows.importing import ImportOptions

    # The name of the study is checked in the same way as that of `study=`.
    location = build(ResultsLocation, {"study": options.study, "results": options.results}, "")
    reading = ImportOptions(
        columns=_pairs(options.map, "--map", "COLUMN"),
        constants=_pairs(options.set, "--set", "VALUE"),
        percent=frozenset(options.percent),
        higher_is_better=frozenset(options.higher_is_better),
        settings=tuple(dict.fromkeys(options.settings)),
        where=tuple(options.where),
        paired_seeds=options.paired_seeds,
    )
    file = expand_user(options.file)
    with shown_if_slow(f"importing {options.file}"):
        result = import_runs(file, location.folder, reading, dry_run=options.dry_run)
    _print(result)
    if options.dry_run:
        print("Nothing was written (--dry-run).")
    else:
        print(f"files in {result.folder}")
        print(report_command(result.folder))
    return 0


def _pairs(arguments: Sequence[str], option: str, meaning: str) -> dict[str, str]:
    """Return arguments of the form ``name=value`` as a mapping.

    Raises:
        ConfigError: If an argument has another form, or a name appears twice.
    """
    pairs: dict[str, str] = {}
    for argument in arguments:
        name, sign, value = argument.partition("=")
        if not sign or not name or not value:
            raise ConfigError(
                f"{option} {argument}: should be OURS={meaning}, such as {option} lr={meaning}."
            )
        if name in pairs:
            raise ConfigError(f"{option} {name} is given twice.")
        pairs[name] = value
    return pairs


def _print(result: ImportResult) -> None:
    """Print how the file was read, and how many runs it holds."""
    from adamcmp.workflows.importing.mapping import SETTING_ID

    source, runs = result.source, result.runs
    table, mapping = source.source, source.mapping
    row = "an evaluation of a run" if source.has_evaluations else "a run with its final metrics"
    meeting = " that meet --where" if mapping.where else ""
    print(wrapped(f"{table.path}: {len(table.rows)} rows{meeting}, each {row}"))
    for name, column in source.columns.items():
        print(f"  {name:<20} {column}{', in percent' if name in mapping.percent else ''}")
    for name, text in mapping.constants.items():
        print(f"  {name:<20} = {text}")
    if source.unused:
        unused = f"not used: {', '.join(source.unused)} (--settings COLUMN keeps one as a setting)"
        print(wrapped(unused))
    counts = runs["status"].value_counts().items()
    statuses = ", ".join(f"{count} {status}" for status, count in counts)
    text = (
        f"{len(runs)} runs ({statuses}), {runs['optimizer'].nunique()} optimizers, "
        f"{runs[SETTING_ID].nunique()} settings, {runs['seed'].nunique()} seeds; "
        f"{len(runs) - result.replaced - result.unchanged} new, {result.replaced} replaced"
        f"{f', {result.unchanged} unchanged' if result.unchanged else ''}"
    )
    print(wrapped(text))
    if runs[SETTING_ID].nunique() > runs["optimizer"].nunique() and not _is_validated(result):
        text = (
            "Without a validation metric, `report` cannot select among settings. To select on the "
            "test split, also map its metrics to validation: --map val_loss=COLUMN (or val_error)."
        )
        print(wrapped(text))
    if len(result.metrics) == len(runs) > 1:
        text = (
            "Each run has a single evaluation. If lr is the scheduled rate of each step, map a "
            "column that holds the initial rate instead."
        )
        print(wrapped(text))


def _is_validated(result: ImportResult) -> bool:
    return any(column.startswith("val_") for column in result.source.columns)
