"""``adamcmp plot``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from adamcmp.cli._options import Parser, add_results, results_root
from adamcmp.errors import ConfigError, StoreError, nearest

if TYPE_CHECKING:
    from adamcmp.analysis import RunTable

OPTIONS = {
    "metric": "what is measured, such as test_loss",
    "x": "what lies along the horizontal axis",
    "y": "what lies along the vertical axis",
    "hue": "a column of runs that colours tell apart, or several: optimizer,schedule",
    "facet": "a column of runs that panels tell apart, such as schedule or study",
}


def plot(words: list[str]) -> int:
    """Draw one plot of a study, or of several, into a file; without words list the plots."""
    options = _parser().parse_args(words)
    from adamcmp.plots import PLOTS, find_plot, save

    if options.name is None:
        for name, chosen in PLOTS.items():
            print(f"{name:<16} {chosen.title}")
        return 0
    chosen = find_plot(options.name)
    given = {k: getattr(options, k) for k in OPTIONS if getattr(options, k) is not None}
    for option in given:
        _check_option(options.name, option, list(chosen.options))
    folders = _folders(results_root(options), options.study)
    out = _out(options.out, options.name, folders)
    figure = chosen.figure(_load(folders, options.where), **given)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        save(figure, out, out.suffix[1:], out.stem)
    except OSError as error:
        raise StoreError(f"Cannot write {out}: {error.strerror or error}.") from None
    print(out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="adamcmp plot",
        description="Draw one plot into a file; without words list the plots.",
    )
    parser.add_argument("name", nargs="?", help="a plot, or a file of your own with data and draw")
    parser.add_argument("study", nargs="*", help="one or several (default: the latest)")
    parser.add_argument("--where", metavar="QUERY", help='only runs that fit: "lr > 0.01"')
    parser.add_argument(
        "--out", metavar="FILE", help="png, svg or pdf (default: STUDY/report/NAME.png)"
    )
    for option, text in OPTIONS.items():
        parser.add_argument(f"--{option}", help=text)
    add_results(parser)
    return parser


def _check_option(plot: str, option: str, known: Sequence[str]) -> None:
    if option not in known:
        there = ", ".join(f"--{name}" for name in known) or "none"
        raise ConfigError(f"The plot {plot} has no --{option}. Its options: {there}.")


def _folders(root: Path, studies: Sequence[str]) -> list[Path]:
    from adamcmp.storage.reader import study_folder

    if not studies:
        return [study_folder(root, None)]
    return [study_folder(root, study) for study in dict.fromkeys(studies)]


def _out(asked: str | None, name: str, folders: Sequence[Path]) -> Path:
    """Return the file to write, whose suffix is a format."""
    from adamcmp.plots import FORMATS

    stem = Path(name).stem
    together = "+".join(folder.name for folder in folders)
    default = folders[0].with_name(together) / "report" / f"{stem}.png"
    out = Path(asked).expanduser() if asked else default
    suffix = out.suffix[1:].lower()
    if suffix not in FORMATS:
        guess = nearest(suffix, FORMATS)
        raise ConfigError(f"--out {asked}: the file's name ends in .{', .'.join(FORMATS)}.{guess}")
    if out.is_dir():
        raise ConfigError(f"--out {asked}: it is a folder; name a file, such as {out}/{stem}.png.")
    return out.with_suffix(f".{suffix}")


def _load(folders: Sequence[Path], query: str | None) -> RunTable:
    """Return the runs of studies as one table; only those that match a query."""
    from adamcmp.analysis.filters import where
    from adamcmp.reporting import load_table

    table = load_table(folders)
    if query:
        table = table.where(where(table.runs, query))
    if table.runs.empty:
        names = " + ".join(folder.name for folder in folders)
        raise ConfigError(f"{names} has no run that fits {query!r}.")
    return table
