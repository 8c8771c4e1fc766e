"""Filters that select runs, as in `adamcmp ls STUDY lr=0.1`."""

import re

import numpy as np
import pytest

from adamcmp.errors import ConfigError
from adamcmp.storage.filters import no_match, parse_filters

ROWS = [
    {
        **{"optimizer": optimizer, "lr": lr, "seed": seed, "status": "done", "ok": ok},
        **{"betas": [0.9, 0.999], "error": None, "finished_at": f"2026-0{seed + 1}-02T03:04:05Z"},
    }
    for optimizer, lr, seed, ok in (("adamw", 0.1, 0, True), ("sgd", 0.01, 1, np.False_))
]


@pytest.mark.parametrize(
    ("condition", "seeds"),
    [
        ("optimizer=adamw", [0]),
        ("optimizer==adamw", [0]),
        ("optimizer != AdamW", [1]),
        ("lr==0.01", [1]),
        ("lr>=1e-2", [0, 1]),
        ("ok=true", [0]),
        ("ok=False", [1]),
        ("betas=[0.9, 0.999]", [0, 1]),
        ("error!=x", []),
        ("finished_at<2026-02", [0]),
    ],
)
def test_rows(condition, seeds):
    meets = parse_filters([condition], list(ROWS[0]))
    assert [row["seed"] for row in ROWS if meets(row)] == seeds


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("optimizer<3", "optimizer<3: optimizer is not a number, such as adamw. Compare it with = or !=."),
        ("ok>0", "ok is not a number, such as true."),
        ("betas>=0.5", "betas is not a number, such as [0.9,0.999]."),
        ("lr=x", "Cannot read the filter 'lr=x': 'x' is not a number."),
        ("optimizer=adamw,lr=0.1", "give each condition separately, as in optimizer=adamw lr=0.1 (`compare` repeats --a"),
        ("lr<1, seed >= 2", "as in lr<1 seed >= 2"),
        ("adamw", "write COLUMN=VALUE"),
        ("statu=done", "no column 'statu'. Did you mean 'status'?"),
    ],
)  # fmt: skip
def test_errors(condition, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        parse_filters([condition], list(ROWS[0]))(ROWS[0])


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        (["seed<5", "status=broken"], "No run has status=broken: status holds done."),
        (["optimizer==adam"], "optimizer holds adamw, sgd. Did you mean 'adamw'?"),
        (["lr>1"], "No run has lr>1: lr holds 0.01, 0.1."),
        (["error=x"], "error is empty."),
        (["lr=0.1", "seed=1"], "No run meets lr=0.1 and seed=1 together."),
    ],
)
def test_no_match_says_what_the_column_holds(conditions, message):
    columns = {column: [row[column] for row in ROWS] for column in ROWS[0]}
    assert message in no_match(conditions, columns)


def test_many_values_are_not_all_listed():
    columns = {"seed": range(20), "name": [f"n{number:02}" for number in range(20)]}
    assert no_match(["seed=30"], columns).endswith("seed holds numbers from 0 to 19.")
    assert "holds n00, n01, n02, n03, n04, n05, n06, n07, …." in no_match(["name=x"], columns)


def test_a_name_is_not_read_as_a_number():
    """Python reads 1_0 as 10."""
    with pytest.raises(ConfigError, match="'1_0' is not a number"):
        parse_filters(["seed=1_0"], ["seed"])({"seed": 10})
    assert parse_filters(["name=1_0"], ["name"])({"name": "1_0"})
