"""Uninformative numbers are in the files of a report, but not in what is shown."""

import dataclasses

import pandas as pd

from adamcmp.analysis import MEASURES
from adamcmp.reporting.formats import as_csv, as_latex, as_markdown
from adamcmp.reporting.omissions import without_uninformative
from adamcmp.reporting.statistics import measure_table
from adamcmp.reporting.tables import Table, shown_columns
from tests.support import hand_made

INF = float("inf")
SHARES = pd.DataFrame(
    {
        **{"problem": "d, m", "optimizer": ["adamw", "adamw", "sgd"], "basin": [0.1, 0.2, 0.1]},
        **{"estimate": [0.5, 0.6, 0.7], "ci_low": [0.0, 0.5, 0.6], "ci_high": [1.0, 0.7, 0.8]},
        "n": 5,
    }
)
(SEPARABILITY,) = (measure for measure in MEASURES if measure.name == "separability")


def shares(rows):
    measure = dataclasses.replace(SEPARABILITY, compute=lambda table: rows)
    return measure_table(measure, hand_made.table())


def test_the_table_gives_the_reason():
    table = shares(SHARES)
    cells = {column.heading: column.texts for column in shown_columns(table)}
    assert cells["basin 0.1"] == ["–", "0.70 [0.60, 0.80]"]
    assert cells["basin 0.2"] == ["0.60 [0.50, 0.70]", "–"]
    assert table.omitted == (
        "Not shown: the interval covers nearly all possible values: AdamW (basin 0.1). The csv "
        "file has all numbers."
    )
    assert table.headlines == ("Additive share: from 0.60 (AdamW) to 0.70 (SGD).",)
    assert table.omitted in as_markdown(table) and "0.5,0.0,1.0" in as_csv(table)


def test_a_table_whose_estimates_all_say_nothing_is_not_shown():
    table = shares(SHARES.iloc[:1])
    assert not table.is_shown and table.headlines == ()
    reason = (
        "Not determined, since the interval covers nearly all possible values: AdamW (basin 0.1)."
    )
    assert table.missing_reason == reason
    assert reason in as_markdown(table) and reason in as_latex(table)
    assert "0.5,0.0,1.0" in as_csv(table)


def test_a_table_without_such_numbers_is_unchanged():
    table = shares(SHARES.iloc[1:])
    assert table.shown is None and table.omitted == "" and table.is_shown


def test_many_rows_are_counted():
    rows = pd.concat([SHARES.iloc[:1]] * 9 + [SHARES.iloc[1:2]], ignore_index=True)
    assert "AdamW (basin 0.1) and 3 more. The csv" in shares(rows).omitted


def test_rows_of_several_problems_are_named_with_it():
    rows = pd.concat([SHARES, SHARES.assign(problem="e, m")], ignore_index=True)
    assert "d, m (AdamW, basin 0.1); e, m (AdamW, basin 0.1)." in shares(rows).omitted


def test_infinite_numbers_are_not_shown():
    data = pd.DataFrame({"problem": "d, m", "estimate": [0.1, 0.2], "seeds_needed": [INF, 7.0]})
    headings = {"problem": "", "estimate": "a − b", "seeds_needed": "seeds needed"}
    uninformative = pd.Series(False, data.index)
    table = without_uninformative(Table("c", "C", "", data, headings=headings), uninformative)
    assert shown_columns(table)[1].texts == ["–", "7"]
    assert table.omitted.startswith("Not shown: seeds needed is infinite in 1 of 2 rows.")
    assert "inf" in as_csv(table)
