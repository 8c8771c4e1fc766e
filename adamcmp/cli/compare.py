"""``adamcmp compare``."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from typing import Any

from adamcmp.analysis.filters import is_filter, parse_filters
from adamcmp.cli._options import Parser, add_results, results_root
from adamcmp.errors import ConfigError


def compare(words: list[str]) -> int:
    """Print one comparison of two optimizers, or of any two sets of runs."""
    parser = Parser(
        prog="adamcmp compare",
        description="Compare two sets of runs of a study, each at its best setting on validation, "
        "paired over the seeds that they share.",
    )
    parser.add_argument("study", nargs="?", help="its name; none: the latest")
    parser.add_argument(
        "filters", nargs="*", metavar="COLUMN=VALUE", help="only runs that fit, on both sides"
    )
    for side in ("a", "b"):
        parser.add_argument(
            f"--{side}",
            action="append",
            required=True,
            metavar="COLUMN=VALUE",
            help=f"what runs of side {side} meet, such as optimizer=adamw; may be repeated",
        )
    parser.add_argument("--metric", help="default: test_error (regression: test_loss)")
    parser.add_argument(
        "--json",
        action="store_true",
        help='print one JSON object; null: unknown, "inf": no number of seeds is enough',
    )
    add_results(parser)
    options = parser.parse_intermixed_args(words)
    if options.study and is_filter(options.study):  # no name, only filters
        options.filters.insert(0, options.study)
        options.study = None
    row = _compared(options)
    if options.json:
        known = {name: _plain(value) for name, value in row.items()}
        print(json.dumps(known, ensure_ascii=False, allow_nan=False))
    else:
        print(f"{row['verdict']}\n\n{_table(row)}")
    return 0


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: ``"inf"`` for infinity, None for what is unknown."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else f"{value:g}"


def _compared(options: argparse.Namespace) -> dict[str, Any]:
    from adamcmp import analysis
    from adamcmp.storage import reader

    folder = reader.study_folder(results_root(options), options.study)
    runs = reader.load(folder)[0]
    if runs.empty:
        raise ConfigError(f"Study {folder.name!r} has no runs yet.")
    keep = parse_filters(options.filters, list(runs.columns))
    runs = runs[[keep(row) for row in runs.to_dict("records")]]
    if runs.empty:
        raise ConfigError(f"No run of study {folder.name!r} fits {' '.join(options.filters)}.")
    table = analysis.compare(runs, options.a, options.b, options.metric)
    return {str(column): table[column].tolist()[0] for column in table}


def _table(row: Mapping[str, Any]) -> str:
    """Return the two sides and their difference, in the metric's own unit."""
    from tabulate import tabulate

    sides = [
        {
            "": row[side],
            "setting": row[f"setting_{side}"],
            "of": row[f"settings_{side}"],
            "seeds": row[f"n_{side}"],
            "diverged": row[f"diverged_{side}"],
            row["metric"]: _number(row[f"mean_{side}"]),
        }
        for side in ("a", "b")
    ]
    between = f"{_number(row['estimate'])} ({_number(row['ci_low'])} to {_number(row['ci_high'])})"
    if row["n"] < 2:
        between = _number(row["estimate"])
    sides.append({"": "difference", "seeds": row["n"], row["metric"]: between})
    chance = [_number(row[c]) for c in ("prob_better", "prob_low", "prob_high")]
    below = (
        ""
        if row["n"] < 2
        else (
            f"p {_number(row['p_value'])}; effect size {_number(row['effect_size'])} (Hedges' "
            f"{'g_z' if row['paired'] else 'g'}); {row['a']} is better for a fresh seed with "
            f"probability {chance[0]} ({chance[1]} to {chance[2]})"
        )
    )
    return tabulate(sides, headers="keys", disable_numparse=True) + (
        f"\n\n{below}" if below else ""
    )


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"
