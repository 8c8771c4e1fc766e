"""The tables of measures: their columns, and the reason where there is no table."""

import pandas as pd

from adamcmp.analysis import MEASURES, Measure
from adamcmp.errors import NotFound
from adamcmp.reporting.formats import as_csv
from adamcmp.reporting.statistics import measure_table
from adamcmp.reporting.tables import shown_columns
from tests.support import hand_made


def test_profiles_have_a_column_for_each_optimizer():
    profiles = next(measure for measure in MEASURES if measure.name == "profiles")
    table = measure_table(profiles, hand_made.table(problems=("d", "e")))
    columns = shown_columns(table)
    assert [c.heading for c in columns] == ["within a factor of", "Adam+L2", "AdamW"]
    factor, first, _ = columns
    assert factor.texts[0] == "1" and first.texts[0].startswith("1.")  # best on both problems
    assert "tau" in as_csv(table)


def test_headlines_name_the_problem_where_there_are_several():
    measure = next(measure for measure in MEASURES if measure.name == "budgets")
    (line,) = measure_table(measure, hand_made.table()).headlines
    assert line == "Adam+L2 and AdamW had 12 settings and 36 runs each."
    lines = measure_table(measure, hand_made.table(problems=("d", "e"))).headlines
    assert lines == (f"d, mlp: {line}", f"e, mlp: {line}")


def test_estimates_are_in_the_unit_of_their_metric():
    table = hand_made.table()
    by_name = {measure.name: measure for measure in MEASURES}
    trials = shown_columns(measure_table(by_name["tuning"], table))
    assert [c.heading for c in trials[:3]] == ["optimizer", "metric", "k = 1"]
    assert trials[1].texts[0] == "test error (%)" and 15 < float(trials[2].texts[0].split()[0]) < 40
    comparisons = {c.name: c for c in shown_columns(measure_table(by_name["comparisons"], table))}
    units = dict(zip(comparisons["metric"].texts, comparisons["estimate"].texts, strict=True))
    assert units["test error (points)"].startswith("−1.") and units["test loss"].startswith("−0.03")
    sensitivity = [c.heading for c in shown_columns(measure_table(by_name["sensitivity"], table))]
    assert "lr sensitivity (points)" in sensitivity and "lr decades" in sensitivity


def test_a_measure_without_a_table_gives_the_reason(caplog):
    def fails(table):
        raise KeyError("x")

    def does_not_apply(table):
        raise NotFound("There is no grid.")

    def reason(compute):
        return measure_table(Measure("s", "S", "", compute, str), hand_made.table()).missing_reason

    assert reason(does_not_apply) == "There is no grid."
    assert "KeyError" in reason(fails) and "Traceback" in caplog.text
    assert reason(lambda runs: pd.DataFrame()) == "It needs completed runs."
    profiles = next(measure for measure in MEASURES if measure.name == "profiles")
    missing = measure_table(profiles, hand_made.table())
    assert missing.missing_reason == "It needs several optimizers on several problems."
