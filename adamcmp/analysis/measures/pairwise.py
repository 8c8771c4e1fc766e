"""The comparisons of pairs of optimizers, on all metrics, as a table of a report."""

from __future__ import annotations

import pandas as pd

from adamcmp.analysis.comparisons import comparisons
from adamcmp.analysis.headlines import count_of_pairs
from adamcmp.analysis.measures.measure import Measure, column_headings
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import metric_phrase

_METRICS = ("test_error", "gap_error", "test_loss", "gap_loss", "train_loss")


def _all_pairs(table: RunTable) -> pd.DataFrame:
    """Return the comparisons; ``seeds_needed`` only if not significant."""
    judging = {problem: subtable.metric() for problem, subtable in table.by_problem()}
    metrics = dict.fromkeys([*judging.values(), *_METRICS])
    result = comparisons(table, [m for m in metrics if table.runs[m].notna().any()])
    shown = result["estimate"].notna() | (result["metric"] == result["problem"].map(judging))
    result["seeds_needed"] = result["seeds_needed"].mask(result["better"] != "")
    return result[shown].reset_index(drop=True)


def _headline(rows: pd.DataFrame) -> str:
    judged = rows[rows["metric"] == rows["metric"].iloc[0]]
    metric = metric_phrase(judged["metric"].iloc[0])
    return f"{count_of_pairs(judged['better'] != '')} differ significantly on {metric}."


PAIRWISE_COMPARISONS = Measure(
    "comparisons",
    "Pairwise comparisons",
    "Differences a − b between the best settings over the seeds that both have (Student's t). "
    "Where they share fewer than two seeds, or fewer than half of those of the optimizer with "
    "fewer, or where equal seeds of imported runs are not paired, over all seeds of each (Welch's "
    "t). p (corrected): for the problem's comparisons on this metric, which are one family of "
    "tests (Holm, or max-T with a baseline); p (selection): also with "
    "selection bias accounted for; p (divergence): the exact test of how often runs diverge, after "
    "Holm's correction. Effect size: Hedges' g_z over paired seeds, else Hedges' g. "
    "P(a better): the probability that a is better for a new seed. Seeds needed: how many would "
    "detect a difference that is not significant; infinite if the selection of settings or the "
    "test examples vary too much.",
    _all_pairs,
    _headline,
    "two optimizers on one problem",
    column_headings(estimate="a − b", n="seeds", p_holm="p (corrected)", p_choice="p (selection)")
    | {"p_diverged_holm": "p (divergence)", "p_equal_holm": "p (not equal within the margin)"}
    | {"effect_size": "effect size", "prob_better": "P(a better)", "seeds_needed": "seeds needed"},
    order=20,
)
