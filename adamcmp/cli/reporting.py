"""``adamcmp report``."""

from __future__ import annotations

import argparse

from adamcmp.cli._common import add_results, results_root
from adamcmp.filters import is_filter


def report(words: list[str]) -> int:
    """Write a study's plots and table, and print the table."""
    parser = argparse.ArgumentParser(
        prog="adamcmp report",
        description="Write learning curves, gap curves, training loss against test error (png, "
        "svg, pdf) and a table (csv, md) into the study's folder, and print the table.",
    )
    parser.add_argument("study", nargs="?", help="its name; none: the latest")
    parser.add_argument("filters", nargs="*", metavar="COLUMN=VALUE", help="only runs that fit")
    add_results(parser)
    options = parser.parse_intermixed_args(words)
    if options.study and is_filter(options.study):  # no name, only filters
        options.filters.insert(0, options.study)
        options.study = None
    from adamcmp import frame

    folder = frame.study_folder(results_root(options), options.study)
    from tabulate import tabulate

    from adamcmp.report import readable
    from adamcmp.report import report as write

    written = write(folder, options.filters)
    shown = readable(written.table)
    constant = ["problem"] if shown["problem"].nunique() == 1 else []
    where = ", ".join(str(shown[c].iloc[0]) for c in constant)
    counts = ", ".join(f"{count} {status}" for status, count in written.counts.items())
    print(f"{folder.name}{': ' if where else ''}{where} ({counts})\n")
    print(
        tabulate(
            shown.drop(columns=constant).to_dict("records"),
            headers="keys",
            disable_numparse=True,
        )
    )
    print("\nmean ± standard deviation over seeds; settings chosen on validation")
    names = dict.fromkeys(path.stem for path in written.files)
    print(f"files in {written.folder}: {', '.join(names)}")
    return 0
