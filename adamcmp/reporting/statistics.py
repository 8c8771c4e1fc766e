"""Which statistics a report holds, in their order, and what a reader is told of each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from adamcmp import analysis
from adamcmp.analysis import RunTable
from adamcmp.errors import AdamcmpError, NotFound
from adamcmp.reporting.tables import Table

#: Metrics of a report, what a study is judged by first.
METRICS = (
    *("test_error", "gap_error", "val_error", "train_error"),
    *("test_loss", "gap_loss", "val_loss", "train_loss"),
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Statistic:
    """A statistic of the report.

    Attributes:
        name: Its file's name, without a suffix.
        title: What it is called.
        caption: What it says, and how it was computed.
        function: Returns its tidy table from labelled runs and their metrics.
        labels: As of `Table`.
        pivot: As of `Table`.
        needs: What runs it takes; said where the table is empty.
    """

    name: str
    title: str
    caption: str
    function: Callable[[RunTable], pd.DataFrame]
    labels: Mapping[str, str] = field(default_factory=dict)
    pivot: str = ""
    needs: str = "runs that ended"

    def table(self, table: RunTable) -> Table:
        """Return the table; where the statistic does not apply, or fails, one that says why."""
        try:
            data = self.function(table)
        except AdamcmpError as error:
            return self._missing(str(error))
        except Exception as error:  # one statistic's defect costs no other
            logger.exception("The statistic %s failed; the report goes on without it.", self.name)
            return self._missing(f"It failed: {type(error).__name__}: {error}")
        if data.empty:
            return self._missing(f"It needs {self.needs}.")
        return Table(self.name, self.title, self.caption, data, "", self.labels, self.pivot)

    def _missing(self, why: str) -> Table:
        return Table(self.name, self.title, self.caption, missing_reason=why)


def _labels(**others: str) -> dict[str, str]:
    """Return what stands above a table's columns, those that tell rows apart first."""
    keys = ("problem", "optimizer", "a", "b", "metric")
    return {key: key for key in keys} | others


def _summary(table: RunTable) -> pd.DataFrame:
    """Return the best settings with the means of all metrics and their intervals over seeds."""
    best = table.summary.copy()
    for metric in [metric for metric in METRICS if metric in best]:
        intervals = analysis.best_settings(table.selected(), metric)
        columns = [best.pop(metric), intervals["ci_low"], intervals["ci_high"]]
        for suffix, values in zip(("", "_ci_low", "_ci_high"), columns, strict=True):
            best[metric + suffix] = values
    counts = ["seeds", "settings", "diverged", "fresh"]
    shown = [c for c in best if c not in counts and not str(c).endswith("_sd")]
    return best[[*shown, *counts]]


def _comparisons(table: RunTable) -> pd.DataFrame:
    """Return all pairs' comparisons: on what each problem is judged by, then on other metrics.

    Raises:
        NotFound: When there are no pairs.
    """
    metrics = ("test_error", "gap_error", "test_loss", "gap_loss", "train_loss")
    pairs = analysis.comparisons(table, [m for m in metrics if table.runs[m].notna().any()])
    if pairs.empty:
        raise NotFound("There is nothing to compare: that needs two optimizers on one problem.")
    judged = {problem: f"test_{table.measure(problem)}" for problem in table.problems}
    shown = pairs["estimate"].notna() | (pairs["metric"] == pairs["problem"].map(judged))
    settled = pairs["better"] != ""
    pairs["seeds_needed"] = pairs["seeds_needed"].mask(settled)
    return pairs[shown].reset_index(drop=True)


def _tuning(table: RunTable) -> pd.DataFrame:
    """Return tuning curves at 1, 2, 4, 8 … trials and at all."""
    curves = analysis.tuning_curves(table)
    last = curves.groupby(["problem", "optimizer"])["k"].transform("max")
    powers = curves["k"].map(lambda k: int(k) & (int(k) - 1) == 0)
    return curves[powers | (curves["k"] == last)].reset_index(drop=True)


_GRID = "an optimizer's grid of several lr by several wd above 0, with a validation split"
_BASIN = f"{_GRID}, and six good cells or more, at three values of each"
_MATCHED = _labels(train_loss="at training loss", estimate="a − b", n="seeds")

SUMMARY = Statistic(
    "summary",
    "Best settings",
    "Of each optimizer the setting with the lowest mean validation error (regression: loss); means "
    "over seeds with 95 % intervals (Student's t, from five seeds on corrected for skewness; cut "
    "to what is possible). The test set took no part in choosing. Fresh: seeds that took no part "
    "either; errors of those that did look lower than they are.",
    _summary,
)

COMPARISONS = Statistic(
    "comparisons",
    "Paired comparisons",
    "Differences a − b of the best settings, over the seeds that both have (Student's t); where "
    "they share one alone, or fewer than half the seeds of the one with fewer, over all seeds of "
    "each (Welch's t). p after Holm's correction over the problem's pairs, and with an allowance "
    "for the luck of choosing among settings. Effect size: Hedges' g_z over shared seeds, else "
    "Hedges' g. Better: the probability that a fresh seed of a is better. Seeds needed: how many "
    "would settle a difference that is not.",
    _comparisons,
    _labels(estimate="a − b", n="seeds", p_holm="p (Holm)", p_choice="p (choosing)")
    | {"effect_size": "effect size", "prob_better": "P(a better)", "seeds_needed": "seeds needed"},
)

BUDGETS = Statistic(
    "budgets",
    "What each optimizer was given",
    "Settings tried, runs trained, run-steps that these asked for, and what became of them. "
    "Missing: runs that would complete the settings, with the seeds that most have.",
    analysis.budgets,
    _labels(settings="settings", runs="runs", run_steps="run-steps")
    | {status: status for status in ("done", "diverged", "failed", "missing")},
)

STATISTICS = (
    COMPARISONS,
    BUDGETS,
    Statistic(
        "tuning",
        "Tuning",
        "The expected test error (regression: loss) of the best of k trials, drawn at random from "
        "the settings that were tried and chosen on validation: exact order statistics within each "
        "seed, intervals over seeds. The lower it is at few trials, the easier it is to tune.",
        _tuning,
        _labels(k="k =", estimate=""),
        pivot="k",
        needs="runs that ended, and a validation split where there are several settings",
    ),
    Statistic(
        "overtakes",
        "Where one overtakes another",
        "The number of trials from which one optimizer's tuning curve is below another's to the "
        "end; 1 is at every budget. The interval holds the budgets at which the curves do not "
        "detectably differ.",
        analysis.overtakes,
        {"problem": "problem", "optimizer": "ahead", "over": "of"}
        | {"estimate": "from trials", "n": "seeds"},
        needs="two optimizers with shared seeds on one problem, whose tuning curves differ",
    ),
    Statistic(
        "separability",
        "Separability of learning rate and weight decay",
        "The share of the error's variance over log lr × log wd, near the optimum, that an "
        "additive model f(lr) + g(wd) explains, with the noise over seeds taken off: at 1 the best "
        "weight decay does not depend on the learning rate. Intervals over seeds.",
        analysis.separability,
        _labels(estimate="additive share", n="seeds", cells="cells"),
        needs=_GRID,
    ),
    Statistic(
        "tilt",
        "Tilt of the basin",
        "The angle of the long axis of the basin of good cells in the plane of log lr × log wd. "
        "0° runs along lr, 90° along wd, −45° along lr·wd constant. Intervals over seeds "
        "(Fieller's); a round basin has no axis, and a wide interval.",
        analysis.tilt,
        _labels(estimate="angle (°)", n="seeds", cells="cells"),
        needs=_BASIN,
    ),
    Statistic(
        "collapse",
        "Coordinates of weight decay",
        "Beside lr, in which form of weight decay do the best cells line up? Of the variance that "
        "weight decay accounts for in a quadratic surface over the basin, the share that one "
        "parabola in the coordinate accounts for, the same at every lr and budget: 1 where they "
        "line up.",
        analysis.collapse,
        _labels(coordinate="", estimate=""),
        pivot="coordinate",
        needs=_BASIN,
    ),
    Statistic(
        "sensitivity",
        "Sensitivity to settings",
        "How wide the good region is, where good is at most 5 % above the best: its share of all "
        "settings, and its width in decades of lr and of wd with the other at its best. lr "
        "sensitivity is the mean excess over the best along the range of log lr, below 0 where "
        "validation missed the best. A region that reaches an end of the grid may go on beyond "
        "(at_edge in the download). Jackknife intervals over seeds.",
        analysis.sensitivity,
        _labels(measure="", estimate=""),
        pivot="measure",
        needs="several settings of an optimizer, with a validation split",
    ),
    Statistic(
        "stability",
        "Stability frontier",
        "The largest learning rate that still trains at each weight decay: it did not diverge, and "
        "ended at least half way from the training loss that it started from to the lowest of all "
        "runs (without training losses: it did not diverge). The largest that was tried is a lower "
        "bound. Geometric mean over seeds; no interval goes beyond the lr that were tried.",
        analysis.stability_frontier,
        {"problem": "problem", "wd": "wd", "optimizer": "", "estimate": ""},
        pivot="optimizer",
        needs="several lr at one wd",
    ),
    Statistic(
        "matched_curves",
        "At equal training loss, along the run",
        "Differences a − b where runs of the best settings first reach a training loss, at losses "
        "from one that all reach early to the lowest that all reach. Interpolated per run, paired "
        "over seeds. Each interval is for itself: not corrected for how many there are.",
        lambda table: analysis.matched_differences(analysis.along_curves(table)),
        _MATCHED,
        needs="two optimizers with shared seeds on one problem, and training losses that all reach",
    ),
    Statistic(
        "matched_settings",
        "At equal training loss, over all settings",
        "Differences a − b at equal final training loss: a local linear regression over the "
        "settings of each optimizer and seed, read at losses where all have settings; paired over "
        "seeds. Each interval is for itself: not corrected for how many there are.",
        lambda table: analysis.matched_differences(analysis.over_settings(table)),
        _MATCHED,
        needs="two optimizers with shared seeds and five settings each, whose training losses meet",
    ),
    Statistic(
        "ranks",
        "Ranks over problems",
        "Mean rank over problems, 1 the best. Two optimizers whose intervals do not overlap differ "
        "by Nemenyi's test; of two optimizers p, the sign test's, says it.",
        analysis.ranks,
        _labels(estimate="mean rank", n="problems", p_value="p (any differ)"),
        needs="several optimizers on several problems",
    ),
    Statistic(
        "profiles",
        "Performance profiles",
        "The share of problems on which an optimizer's best setting is within a factor of the best "
        "optimizer's test error (regression: loss); within 1 it wins. Intervals over problems "
        "(Wilson's).",
        analysis.performance_profiles,
        {"tau": "within a factor of", "optimizer": "", "estimate": ""},
        pivot="optimizer",
        needs="several optimizers on several problems",
    ),
)
