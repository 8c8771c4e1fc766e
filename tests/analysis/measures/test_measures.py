"""All measures on studies that are odd: a table with its columns comes back, whatever is missing."""

import numpy as np
import pandas as pd
import pytest

from adamcmp import analysis
from adamcmp.analysis import RunTable
from tests.support.gridded import grid, runs, stacked, without_val

NAN = float("nan")


def bowl(x, y):
    return 0.2 + 0.01 * (x**2 + y**2)


FOUR = tuple(10.0 ** np.linspace(-1, 1, 4))
BOTH = stacked(
    *(runs(bowl, grid(FOUR, FOUR), 3, 0.01, *own) for own in enumerate(("adamw", "sgd")))
)
PLAIN = stacked(BOTH, BOTH.assign(problem="e, m", run_id=BOTH["run_id"] + "e"))
METRICS = pd.concat(
    PLAIN[["run_id", "train_loss", "test_loss", "test_error", "gap_loss", "gap_error"]].assign(
        step=step, train_loss=PLAIN["train_loss"] * (1 + 20 / (1 + step))
    )
    for step in (0, 10, 20)
)

MEASURES = {
    name: lambda r, m, name=name: getattr(analysis, name)(RunTable(r))
    for name in (
        "surface", "separability", "tilt", "collapse", "tuning_curves", "overtakes", "sensitivity",
        "ranks", "performance_profiles",
    )
} | {
    "stability_frontier": lambda r, m: analysis.stability_frontier(RunTable(r, m)),
    "matched curves": lambda r, m: analysis.matched(analysis.along_curves(RunTable(r, m))),
    "matched settings": lambda r, m: analysis.matched(analysis.over_settings(RunTable(r))),
    "differences of curves": lambda r, m: analysis.matched_differences(analysis.along_curves(RunTable(r, m))),
    "differences of settings": lambda r, m: analysis.matched_differences(analysis.over_settings(RunTable(r))),
}  # fmt: skip

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
    "a search": stacked(runs(bowl, drawn, 1, 0.01), runs(bowl, drawn**0.5, 1, 0.01, 1, "sgd")),
    "seeds of their own": BOTH.assign(seed=pd.array(range(len(BOTH)), dtype="Int64")),
    "regression": BOTH.assign(val_error=NAN, test_error=NAN, gap_error=NAN),
    "other settings": stacked(BOTH, BOTH.assign(**{"optimizer.eps": 1e-3}, run_id=BOTH["run_id"] + "x")),
    "no lr": BOTH.assign(lr=NAN),
    "no steps": BOTH.assign(steps=pd.array([pd.NA] * len(BOTH), dtype="Int64")),
    "from elsewhere": BOTH.drop(columns=["optimizer.normalized"]).assign(coupling=None),
    "a constant": BOTH.assign(val_error=0.3, test_error=0.3, train_loss=0.3),
    "no error at all": BOTH.assign(val_error=0.0, test_error=0.0, train_loss=0.0),
}  # fmt: skip


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("odd", ODD)
def test_a_table_comes_back(measure, odd):
    frame = ODD[odd].copy()
    table = MEASURES[measure](frame, METRICS)
    assert {"estimate", "ci_low", "ci_high", "n"} <= set(table)
    known = table.dropna(subset=["estimate", "ci_low", "ci_high"]).astype(
        {"estimate": float, "ci_low": float, "ci_high": float}
    )
    slack = 1e-9 + 1e-9 * known["estimate"].abs()
    assert (known["ci_low"] <= known["estimate"] + slack).all()
    assert (known["estimate"] <= known["ci_high"] + slack).all()
    pd.testing.assert_frame_equal(frame, ODD[odd])  # what is given is left as it is


@pytest.mark.parametrize("measure", MEASURES)
def test_each_answers_a_plain_study(measure):
    table = MEASURES[measure](PLAIN, METRICS)
    # All seeds train everywhere; two optimizers have no intervals of ranks.
    agree = measure in ("stability_frontier", "ranks")
    assert len(table) and table["ci_low"].notna().any() != agree


@pytest.mark.parametrize("measure", MEASURES)
def test_the_order_of_rows_does_not_matter(measure):
    keys = [c for c in MEASURES[measure](PLAIN, METRICS) if c in (
        "problem", "optimizer", "over", "a", "b", "k", "lr", "wd", "coordinate", "measure", "metric", "tau", "train_loss",
    )]  # fmt: skip
    mixed = PLAIN.sample(frac=1, random_state=1)
    mixed = stacked(mixed[mixed["optimizer"] == "adamw"], mixed[mixed["optimizer"] != "adamw"])
    tables = [
        MEASURES[measure](r, m).sort_values(keys, ignore_index=True)
        for r, m in ((PLAIN, METRICS), (mixed, METRICS.sample(frac=1, random_state=2)))
    ]
    pd.testing.assert_frame_equal(*tables, check_like=True, rtol=1e-6)
