"""Compare two sets of runs of one study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adamcmp import analysis
from adamcmp.analysis.question import ALL_PAIRS, Question
from adamcmp.errors import ConfigError
from adamcmp.storage import reader
from adamcmp.storage.filters import no_match, parse_filters


def compare_study(
    folder: Path,
    a: Sequence[str],
    b: Sequence[str],
    metric: str | None = None,
    filters: Sequence[str] = (),
    question: Question = ALL_PAIRS,
) -> list[dict[str, Any]]:
    """Compare two sets of runs of a study (see `adamcmp.analysis.compare`).

    Args:
        folder: The study's folder.
        a: Conditions that select arm a, such as ``["optimizer=adamw"]``.
        b: Conditions that select arm b.
        metric: Column to compare; None selects the test error (for regression, the test loss).
        filters: Conditions that all compared runs meet.
        question: A margin, and a baseline instead of `a` and `b`.

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
    examples = reader.load_examples(folder)
    baseline, margin = question.baseline, question.margin
    table = analysis.compare(
        kept, a, b, metric, examples=examples, baseline=baseline, margin=margin
    )
    values = {str(column): table[column].tolist() for column in table}
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
