"""Parts of the lines that say what a table of estimates shows."""

import pandas as pd

from adamcmp.analysis.headlines import count_of_pairs, span, with_unit

NAN = float("nan")


def test_a_span_names_the_lowest_and_the_highest_known_value():
    values = pd.Series({"adam_l2": -63.0, "sgd": NAN, "adamw": 59.0, "sgdw": 3.0})
    assert span(values, ".0f") == "from −63 (Adam+L2) to 59 (AdamW)"
    assert span(values[["sgd", "sgdw"]], ".0f") == "3 (SGDW)"
    assert span(values[["sgd"]]) == "unknown"
    assert span(pd.Series({"sgd": 0.501, "sgdw": 0.499})) == "0.5 for all"


def test_errors_are_in_percent():
    assert with_unit(0.2549, "test_error") == "25.5 %"
    assert with_unit(0.2549, "test_loss") == "0.255"


def test_pairs_are_counted():
    assert count_of_pairs(pd.Series([True, False, True])) == "2 of 3 pairs"
    assert count_of_pairs(pd.Series([True])) == "1 of 1 pairs"
