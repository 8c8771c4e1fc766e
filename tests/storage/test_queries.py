"""Queries that select runs, as in `adamcmp plot --where`."""

import re

import numpy as np
import pandas as pd
import pytest

from adamcmp.errors import ConfigError
from adamcmp.storage.queries import matches, no_match_of_query

TABLE = pd.DataFrame(
    {"optimizer": ["sgd", "adamw", "adam"], "lr": [0.1, 0.01, 0.001], "optimizer.momentum": [0.9, np.nan, np.nan], "seed": pd.array([0, 1, None], "Int64")}
)  # fmt: skip


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("optimizer in ['sgd', 'adam']", [0, 2]),
        ("optimizer not in ['sgd', 'adam']", [1]),
        ("lr > 0.005 and not optimizer == 'sgd'", [1]),
        ("(lr > 0.05) | (lr < 0.005)", [0, 2]),
        ("0.005 < lr < 0.05", [1]),
        ("optimizer.momentum == 0.9", [0]),
        ("`optimizer.momentum` >= 0", [0]),
        ("seed < 5", [0, 1]),
        ("lr * 10 == 0.1", [1]),
    ],
)
def test_selected_rows(query, rows):
    assert np.flatnonzero(matches(TABLE, query)).tolist() == rows


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("optimiser == 'sgd'", "no column 'optimiser'. Did you mean 'optimizer'"),
        ("optimizer == sgd", "no column 'sgd'. Put text values in quotes: 'sgd'"),
        ("optimizer = 'sgd'", "not an expression. Equality is '=='"),
        ("lr >", "not an expression"),
        ("1 < 2", "names no column"),
        ("lr + 1", "Cannot read the query"),
        ("lr > 'a'", "Invalid comparison"),
        ("@self.lr > 0", "not an expression"),
        ("optimizer.to_csv('stolen')", "Call is not allowed"),
        ("__import__('os').system('touch stolen')", "Call is not allowed"),
        ("[x for x in lr]", "ListComp is not allowed"),
        ("lr.__class__ == 1", "no column 'lr.__class__'"),
        ("(lambda: 1)() == lr", "is not allowed"),
        ("lr ** 9 ** 9", "Pow is not allowed"),
    ],
)
def test_errors(query, message, tmp_path):
    with pytest.raises(ConfigError, match=re.escape(message)):
        matches(TABLE, query)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("lr > 7", "No run has lr > 7: lr holds 0.001, 0.01, 0.1."),
        ("lr > 0 and optimizer == 'adamm'", "No run has optimizer == 'adamm': optimizer holds adam, adamw, sgd. Did you mean 'adam'?"),
        ("`optimizer.momentum` < 0.5", "No run has optimizer.momentum < 0.5: optimizer.momentum holds 0.9."),
        ("lr > 7 or seed > 3", "No run has lr > 7 or seed > 3: lr holds 0.001, 0.01, 0.1; seed holds 0, 1."),
        ("lr > 0.05 and seed == 1", "No run meets lr > 0.05 and seed == 1 together."),
    ],
)  # fmt: skip
def test_a_query_that_no_run_meets(query, message):
    assert no_match_of_query(query, TABLE) == message
