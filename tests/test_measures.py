"""All measures on studies that are odd: a table with its columns comes back, whatever is missing."""

import numpy as np
import pandas as pd
import pytest

from adamcmp import stats
from tests.gridded import grid, runs, stacked, without_val

NAN = float("nan")


def bowl(x, y):
    return 0.2 + 0.01 * (x**2 + y**2)


PLAIN = stacked(runs(bowl, grid(), 3, 0.01), runs(bowl, grid(), 3, 0.01, 1, "sgd"))
PLAIN = stacked(PLAIN, PLAIN.assign(problem="e, m", run_id=PLAIN["run_id"] + "e"))
METRICS = pd.concat(
    PLAIN[["run_id", "train_loss", "test_loss", "test_error", "gap_loss", "gap_error"]].assign(
        step=step, train_loss=PLAIN["train_loss"] * (1 + 20 / (1 + step))
    )
    for step in (0, 10, 20)
)

MEASURES = {
    name: lambda r, m, name=name: getattr(stats, name)(r)
    for name in (
        "surface", "separability", "tilt", "collapse", "tuning_curves", "overtakes", "sensitivity",
        "ranks", "performance_profiles",
    )
} | {
    "stability_frontier": stats.stability_frontier,
    "matched curves": lambda r, m: stats.matched(stats.along_curves(r, m)),
    "matched settings": lambda r, m: stats.matched(stats.over_settings(r)),
    "differences of curves": lambda r, m: stats.matched_differences(stats.along_curves(r, m)),
    "differences of settings": lambda r, m: stats.matched_differences(stats.over_settings(r)),
}  # fmt: skip

drawn = 10 ** np.random.default_rng(0).uniform(-1, 1, (30, 2))
hole = PLAIN.drop(index=PLAIN.sample(40, random_state=0).index)
ODD = {
    "no runs": PLAIN.iloc[:0],
    "one run": PLAIN.iloc[:1],
    "one seed": PLAIN[PLAIN["seed"] == 0],
    "one setting": PLAIN[(PLAIN["lr"] == 1) & (PLAIN["wd"] == 1)],
    "one lr": PLAIN[PLAIN["lr"] == 1],
    "one wd": PLAIN[PLAIN["wd"] == 1],
    "wd 0": PLAIN.assign(wd=0.0),
    "holes": hole,
    "failed": PLAIN.assign(status="failed", val_error=NAN, test_error=NAN, train_loss=NAN),
    "diverged": PLAIN.assign(status="diverged", val_error=NAN, test_error=NAN, train_loss=NAN),
    "one optimizer diverged": PLAIN.assign(**{
        c: PLAIN[c].mask(PLAIN["optimizer"] == "sgd", value)
        for c, value in (("status", "diverged"), ("val_error", NAN), ("test_error", NAN), ("train_loss", NAN))
    }),
    "no validation": without_val(PLAIN),
    "a search": stacked(runs(bowl, drawn, 1, 0.01), runs(bowl, drawn**0.5, 1, 0.01, 1, "sgd")),
    "seeds of their own": PLAIN.assign(seed=pd.array(range(len(PLAIN)), dtype="Int64")),
    "regression": PLAIN.assign(val_error=NAN, test_error=NAN, gap_error=NAN),
    "other settings": stacked(PLAIN, PLAIN.assign(**{"optimizer.eps": 1e-3}, run_id=PLAIN["run_id"] + "x")),
    "no lr": PLAIN.assign(lr=NAN),
    "no steps": PLAIN.assign(steps=pd.array([pd.NA] * len(PLAIN), dtype="Int64")),
    "from elsewhere": PLAIN.drop(columns=["optimizer.normalized"]).assign(coupling=None),
    "a constant": PLAIN.assign(val_error=0.3, test_error=0.3, train_loss=0.3),
    "no error at all": PLAIN.assign(val_error=0.0, test_error=0.0, train_loss=0.0),
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
    agree = measure == "stability_frontier"  # all seeds train everywhere
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
