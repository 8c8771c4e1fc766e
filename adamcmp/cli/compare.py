"""``adamcmp compare``: a paired comparison on each problem."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from adamcmp.cli import _completers
from adamcmp.cli._options import add_question, add_results, results_root
from adamcmp.cli._parser import Parser
from adamcmp.cli._selection import add_study_and_filters, study_and_filters
from adamcmp.cli._tables import fitted_table
from adamcmp.cli._terminal import notify, shown_if_slow, wrapped

EXAMPLES = """\
examples:
  adamcmp compare first --a optimizer=adamw --b optimizer=adam_l2
  adamcmp compare first --a optimizer=sgd --b optimizer=sgd --b lr=0.1
  adamcmp compare first --baseline adamw
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "compare",
        "Compare two optimizers, or any two sets of runs.\n"
        "Each set is compared at its best setting on validation, paired over the seeds\n"
        "that both sets have. Each problem is compared separately.\n"
        "With --baseline, each other optimizer is compared with this one.",
        EXAMPLES,
    )
    add_study_and_filters(
        parser, "name of a study (default: the latest)", "condition on the runs of both arms"
    )
    for arm in ("a", "b"):
        parser.add_argument(
            f"--{arm}",
            action="append",
            default=[],
            metavar="COLUMN=VALUE",
            help=f"condition on the runs of arm {arm}, such as optimizer=adamw; may be repeated",
            completer=_completers.conditions,
        )
    add_question(parser)
    parser.add_argument(
        "--metric",
        help="metric to compare (default: test_error; for regression, test_loss)",
        completer=_completers.metrics,
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object per comparison, each on its own line; null is unknown, "
        '"inf" means that no number of seeds suffices',
    )
    add_results(parser)
    return parser


def main(arguments: list[str]) -> int:
    """Print the comparison on each problem."""
    options = parser().parse(arguments)
    missing = [f"--{arm}" for arm in ("a", "b") if not getattr(options, arm)]
    if missing and options.baseline is None:
        parser().error(f"the following arguments are required: {', '.join(missing)}")
    study, filters = study_and_filters(options)
    from adamcmp.analysis.question import Question
    from adamcmp.storage.reader import study_folder
    from adamcmp.workflows.compare import compare_study

    folder = study_folder(results_root(options), study)
    with shown_if_slow("comparing"):
        question = Question(options.baseline, options.margin)
        comparisons = compare_study(
            folder, options.a, options.b, options.metric, filters, question, notify
        )
    if options.json:
        for row in comparisons:
            values = {name: _json_value(value) for name, value in row.items()}
            print(json.dumps(values, ensure_ascii=False, allow_nan=False))
    else:
        by_problem: dict[str, list[Mapping[str, Any]]] = {}
        for row in comparisons:
            by_problem.setdefault(row["problem"], []).append(row)
        print("\n\n".join(_of_problem(rows, len(by_problem) > 1) for rows in by_problem.values()))
    return 0


def _json_value(value: Any) -> Any:
    """Return a value that JSON can hold: ``"inf"`` for infinity, None for NaN."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else f"{value:g}"


def _of_problem(rows: Sequence[Mapping[str, Any]], with_problem: bool) -> str:
    """Return the verdicts and tables of a problem, and how its tests are corrected."""
    from adamcmp.analysis.verdicts import family_of_tests

    texts = [_text(row, with_problem=with_problem) for row in rows]
    return "\n\n".join([*texts, *filter(None, [wrapped(family_of_tests(rows))])])


def _text(row: Mapping[str, Any], *, with_problem: bool) -> str:
    """Return the verdict and the table of one comparison."""
    heading = f"{row['problem']}: " if with_problem else ""
    return f"{wrapped(heading + row['verdict'])}\n\n{_table(row)}"


def _table(row: Mapping[str, Any]) -> str:
    """Return the two arms and their difference; errors are in percent, as in reports."""
    from adamcmp.analysis.wording import decimals, display_name, metric_heading, scale

    size, heading = scale(row["metric"]), metric_heading(row["metric"])
    low, high = size * row["ci_low"], size * row["ci_high"]
    places = decimals(low, high) if low < high else None
    rows = [
        {
            "": display_name(row[arm]),
            "setting": row[f"setting_{arm}"],
            "of": row[f"settings_{arm}"],
            "seeds": row[f"n_{arm}"],
            "diverged": row[f"diverged_{arm}"],
            heading: _number(size * row[f"mean_{arm}"], places),
        }
        for arm in ("a", "b")
    ]
    difference = _number(size * row["estimate"], places)
    # A single pair has neither an interval nor a test.
    if row["n"] >= 2:
        difference += f" ({_number(low, places)} to {_number(high, places)})"
    rows.append({"": "difference", "seeds": row["n"], heading: difference})
    table = fitted_table({name: [str(row.get(name, "")) for row in rows] for name in rows[0]})
    return f"{table}\n\n{_tests(row)}" if row["n"] >= 2 else table


def _tests(row: Mapping[str, Any]) -> str:
    """Return the p value, the effect size and the probability of superiority."""
    from adamcmp.analysis.wording import display_name

    p = "p" if row["p_holm"] == row["p_value"] else "p before the correction"
    probability, low, high = (_number(row[c]) for c in ("prob_better", "prob_low", "prob_high"))
    return wrapped(
        f"{p} {_number(row['p_value'])}; effect size {_number(row['effect_size'])} (Hedges' "
        f"{'g_z' if row['paired'] else 'g'}); {display_name(row['a'])} is better for a new seed "
        f"with probability {probability} ({low} to {high})"
    )


def _number(value: float, places: int | None = None) -> str:
    """Return a number with some decimals, or with three significant digits; ``-`` for NaN."""
    from adamcmp.analysis.wording import format_fixed

    if math.isnan(value):
        return "-"
    return f"{value:.3g}" if places is None else format_fixed(value, places)
