"""Measures of unusual studies: each returns a table with its columns, whatever is missing."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adamcmp import analysis
from adamcmp.analysis import MEASURES, RunTable
from adamcmp.analysis.aggregation import ESTIMATE_COLUMNS
from adamcmp.errors import ConfigError
from tests.support.gridded import bowl, grid, runs, stacked, without_val

NAN = float("nan")
DOCS = Path(__file__).parents[2] / "docs" / "measures.md"
#: Columns that identify a row of a table.
KEYS = (
    *("problem", "optimizer", "over", "a", "b", "k", "lr", "wd", "coordinate", "measure", "metric"),
    *("tau", "train_loss", "basin", "property", "condition"),
)


SURFACE = bowl(0, size=0.01)
FOUR = tuple(10.0 ** np.linspace(-1, 1, 4))
BOTH = stacked(
    *(
        runs(SURFACE, grid(FOUR, FOUR), 4, 0.01, rng, name)
        for rng, name in enumerate(("adamw", "sgd"))
    )
)
PLAIN = stacked(BOTH, BOTH.assign(problem="e, m", run_id=BOTH["run_id"] + "e"))
METRICS = pd.concat(
    PLAIN[["run_id", "train_loss", "test_loss", "test_error", "gap_loss", "gap_error"]].assign(
        step=step, train_loss=PLAIN["train_loss"] * (1 + 20 / (1 + step))
    )
    for step in (0, 10, 20)
)

#: What is computed from a table of runs: the measures, and tables that plots take.
COMPUTED = {measure.name: measure.compute for measure in MEASURES} | {
    "surface": analysis.surface,
    "matched along curves": lambda table: analysis.matched(analysis.along_curves(table)),
    "matched over settings": lambda table: analysis.matched(analysis.over_settings(table)),
}
HEADLINES = {measure.name: measure.headline for measure in MEASURES}
#: In a plain study all seeds train everywhere, and two optimizers have no intervals of ranks.
NO_INTERVALS = ("stability", "ranks")
#: Measures that raise an error where settings cannot be selected.
NEED_SELECTION = ("summary", "comparisons")

drawn = 10 ** np.random.default_rng(0).uniform(-1, 1, (30, 2))
hole = BOTH.drop(index=BOTH.sample(20, random_state=0).index)
ODD = {
    "no runs": BOTH.iloc[:0],
    "one run": BOTH.iloc[:1],
    "one seed": BOTH[BOTH["seed"] == 0],
    "one setting": BOTH[(BOTH["lr"] == 10) & (BOTH["wd"] == 10)],
    "one lr": BOTH[BOTH["lr"] == 10],
    "one wd": BOTH[BOTH["wd"] == 10],
    "wd 0": BOTH.assign(wd=0.0),
    "holes": hole,
    "failed": BOTH.assign(status="failed", val_error=NAN, test_error=NAN, train_loss=NAN),
    "diverged": BOTH.assign(status="diverged", val_error=NAN, test_error=NAN, train_loss=NAN),
    "one optimizer diverged": PLAIN.assign(**{
        c: PLAIN[c].mask(PLAIN["optimizer"] == "sgd", value)
        for c, value in (("status", "diverged"), ("val_error", NAN), ("test_error", NAN), ("train_loss", NAN))
    }),
    "no validation": without_val(BOTH),
    "a search": stacked(runs(SURFACE, drawn, 1, 0.01), runs(SURFACE, drawn**0.5, 1, 0.01, 1, "sgd")),
    "no common seeds": BOTH.assign(seed=pd.array(range(len(BOTH)), dtype="Int64")),
    "regression": BOTH.assign(val_error=NAN, test_error=NAN, gap_error=NAN),
    "other settings": stacked(BOTH, BOTH.assign(**{"optimizer.eps": 1e-3}, run_id=BOTH["run_id"] + "x")),
    "no lr": BOTH.assign(lr=NAN),
    "no steps": BOTH.assign(steps=pd.array([pd.NA] * len(BOTH), dtype="Int64")),
    "imported": BOTH.drop(columns=["optimizer.normalized"]).assign(coupling=None),
    "a constant": BOTH.assign(val_error=0.3, test_error=0.3, train_loss=0.3),
    "no error at all": BOTH.assign(val_error=0.0, test_error=0.0, train_loss=0.0),
}  # fmt: skip


#: Studies that are unusual in most measures; those of the others are slow tests.
QUICK = (
    *("no runs", "one run", "one seed", "one lr", "holes", "diverged", "one optimizer diverged"),
    *("no validation", "a search", "regression", "imported", "a constant"),
)


MIXED = PLAIN.sample(frac=1, random_state=1)
MIXED = stacked(MIXED[MIXED["optimizer"] == "adamw"], MIXED[MIXED["optimizer"] != "adamw"])


@cache
def odd_table(odd):
    """Return a table that all measures share, as in a report."""
    return RunTable(ODD[odd].copy(), METRICS)


@cache
def plain_table():
    return RunTable(PLAIN, METRICS)


@cache
def mixed_table():
    return RunTable(MIXED, METRICS.sample(frac=1, random_state=2))


@cache
def plain_result(name):
    return COMPUTED[name](plain_table())


@pytest.mark.parametrize("name", COMPUTED)
@pytest.mark.parametrize(
    "odd", [pytest.param(odd, marks=[] if odd in QUICK else pytest.mark.slow) for odd in ODD]
)
def test_each_measure_returns_a_table(name, odd):
    if odd == "no validation" and name in NEED_SELECTION:
        with pytest.raises(ConfigError, match="no validation split"):
            COMPUTED[name](odd_table(odd))
        return
    table = COMPUTED[name](odd_table(odd))
    pd.testing.assert_frame_equal(odd_table(odd).runs, ODD[odd])  # the runs are not changed
    if name in HEADLINES:
        assert all(line.endswith(".") for line in headlines(name, table))
    if name in ("summary", "budgets"):  # their rows have several estimates, or counts
        return
    assert set(ESTIMATE_COLUMNS) <= set(table)
    known = table[["estimate", "ci_low", "ci_high"]].astype(float).dropna()
    slack = 1e-9 + 1e-9 * known["estimate"].abs()
    assert (known["ci_low"] <= known["estimate"] + slack).all()
    assert (known["estimate"] <= known["ci_high"] + slack).all()


def headlines(name, table):
    """Return the headline of each problem, or of a table over problems."""
    if table.empty or "problem" not in table:
        return [] if table.empty else [HEADLINES[name](table)]
    return [HEADLINES[name](rows) for _, rows in table.groupby("problem", sort=False)]


@pytest.mark.parametrize("name", COMPUTED)
def test_a_plain_study_has_a_table(name):
    table = plain_result(name)
    bounds = [column for column in table if column.endswith("ci_low")]
    has_intervals = table[bounds].notna().any(axis=None)
    assert len(table) and has_intervals == (name not in (*NO_INTERVALS, "budgets"))


@pytest.mark.parametrize("name", COMPUTED)
def test_the_order_of_rows_does_not_matter(name):
    tables = [plain_result(name), COMPUTED[name](mixed_table())]
    keys = [column for column in KEYS if column in tables[0]]
    tables = [table.sort_values(keys, ignore_index=True) for table in tables]
    pd.testing.assert_frame_equal(*tables, check_like=True, rtol=1e-6)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_a_measure_has_a_description(measure):
    assert measure.title and measure.caption.endswith(".") and measure.requirements
    assert f"| `{measure.name}` | {measure.title} |" in DOCS.read_text(encoding="utf-8")


def test_a_report_has_the_main_results_first():
    assert [measure.name for measure in MEASURES[:3]] == ["summary", "comparisons", "budgets"]
    assert len({measure.order for measure in MEASURES}) == len(MEASURES)
