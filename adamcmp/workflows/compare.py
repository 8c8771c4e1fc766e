"""Compare two sets of runs of one study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adamcmp import analysis
from adamcmp.analysis.looks import unrecorded_looks
from adamcmp.analysis.question import ALL_PAIRS, Question
from adamcmp.errors import ConfigError
from adamcmp.platform.addresses import Address
from adamcmp.storage import reader
from adamcmp.storage.filters import no_match, parse_filters
from adamcmp.storage.looks import add_looks, look_record


def compare_study(
    folder: Address,
    a: Sequence[str],
    b: Sequence[str],
    metric: str | None = None,
    filters: Sequence[str] = (),
    question: Question = ALL_PAIRS,
    on_notice: Callable[[str], None] = lambda text: None,
) -> list[dict[str, Any]]:
    """Compare two sets of runs of a study (see `adamcmp.analysis.compare`), and record the looks.

    Args:
        folder: The study's folder.
        a: Conditions that select arm a, such as ``["optimizer=adamw"]``.
        b: Conditions that select arm b.
        metric: Column to compare; None selects the test error (for regression, the test loss).
        filters: Conditions that all compared runs meet.
        question: A margin, and a baseline instead of `a` and `b`.
        on_notice: Called with a message if the looks cannot be recorded.

    Returns:
        The comparisons: their values by column.

    Raises:
        ConfigError: If a condition or the metric is invalid, or no run matches.
        StoreError: If the study is damaged.
    """
    runs = reader.load_runs(folder)
    if runs.empty:
        raise ConfigError(reader.no_runs(folder))
    keep = parse_filters(filters, list(runs.columns))
    kept = runs[[keep(row) for row in runs.to_dict("records")]]
    if kept.empty:
        raise ConfigError(no_match(filters, runs.to_dict("list")))
    looks = look_record([folder], [len(runs)])
    examples = reader.load_examples(folder)
    baseline, margin = question.baseline, question.margin
    table = analysis.compare(
        kept, a, b, metric, examples=examples, baseline=baseline, margin=margin, looks=looks
    )
    if problem := add_looks(folder, unrecorded_looks(table, looks)):
        on_notice(problem)
    values = {str(column): table[column].tolist() for column in table}
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
