"""The description of a measure."""

import numpy as np
import pandas as pd
import pytest

from adamcmp.analysis import MEASURES
from adamcmp.analysis.measures.measure import Measure, column_headings

INF, NAN = float("inf"), float("nan")
BY_NAME = {measure.name: measure for measure in MEASURES}


def test_columns_that_identify_a_row_come_first():
    headings = column_headings(estimate="slope", optimizer="method")
    assert list(headings) == ["problem", "optimizer", "a", "b", "metric", "estimate"]
    assert (headings["optimizer"], headings["estimate"], headings["a"]) == ("method", "slope", "a")


@pytest.mark.parametrize(
    ("measure", "low", "high", "uninformative"),
    [
        ("separability", 0.0, 1.0, True),
        ("separability", 0.04, 0.95, True),
        ("collapse", 0.1, 0.95, False),
        ("collapse", NAN, NAN, False),
        ("tilt", -31.0, 149.0, True),
        ("tilt", 38.0, 98.0, False),
        ("overtakes", 1.0, INF, True),
        ("overtakes", 3.0, INF, False),
        ("overtakes", 1.0, 2.0, False),
        ("wd_slope", -100.0, 100.0, False),
    ],
)
def test_an_interval_over_nearly_all_possible_values_is_uninformative(
    measure, low, high, uninformative
):
    rows = pd.DataFrame({"ci_low": [low], "ci_high": [high]})
    assert BY_NAME[measure].is_uninformative(rows).tolist() == [uninformative]


def test_each_sensitivity_has_its_own_range():
    rows = pd.DataFrame(
        {
            "measure": ["good share", "lr decades", "wd decades", "lr sensitivity"],
            **{"decades": [NAN, 3.0, 3.0, 3.0], "ci_low": 0.0, "ci_high": [0.95, 1.0, 2.8, 4.0]},
        }
    )
    assert BY_NAME["sensitivity"].is_uninformative(rows).tolist() == [True, False, True, False]


def test_without_rows_nothing_is_uninformative():
    measure = Measure("m", "M", "", pd.DataFrame, str, possible_range=lambda rows: (0.0, np.inf))
    assert measure.is_uninformative(pd.DataFrame()).empty
