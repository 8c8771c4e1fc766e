"""Hue, facet and metric: the options that plots share."""

import pytest

from adamcmp.analysis.ordering import ordered
from adamcmp.errors import ConfigError
from adamcmp.plots import (
    PLOTS,
    relabel,
    strip,
)
from tests.support.hand_made import table

TABLE = table()


class TestOptions:
    def test_hue_and_facet_are_any_columns(self):
        labels = relabel(TABLE, hue="lr", facet="seed")
        assert ordered(labels.optimizers) == ["lr 0.001", "lr 0.01", "lr 0.1"]
        assert ordered(labels.problems) == ["seed 0", "seed 1", "seed 2"]
        two = table(problems=("a", "b"))
        assert set(relabel(two, facet="optimizer").problems) == {
            f"{p}, mlp, {o}" for p in "ab" for o in ("adam_l2", "adamw")
        }
        with pytest.raises(ConfigError, match=r"no column 'sed' .* Did you mean 'seed'"):
            relabel(TABLE, hue="sed")

    def test_an_optimizer_that_hue_does_not_name_is_a_setting(self):
        seeds = PLOTS["strip"].data(TABLE, hue="lr", metric="test_error").seeds
        values = seeds.loc[seeds["optimizer"] == "lr 0.01", "value"]
        best = TABLE.runs.query("optimizer == 'adam_l2' and lr == 0.01 and wd == 0.001")
        assert values.tolist() == best["test_error"].tolist()  # the better one

    def test_the_same_labels_are_the_same_table(self):
        """Plots then share one selection of settings, which takes long to compute."""
        assert relabel(TABLE) is TABLE
        assert relabel(TABLE, hue="optimizer,schedule") is TABLE
        assert relabel(TABLE, hue="schedule") is not TABLE

    def test_wrong_metrics_get_a_suggestion(self):
        with pytest.raises(ConfigError, match=r"no metric 'test_eror'. Did you mean 'test_error'"):
            strip.data(TABLE, metric="test_eror")
        with pytest.raises(ConfigError, match="no metric 'optimizer'"):
            strip.data(TABLE, metric="optimizer")

    @pytest.mark.parametrize("name", PLOTS)
    def test_plots_describe_themselves(self, name):
        plot = PLOTS[name]
        assert plot.title and plot.caption and "\n" not in plot.title
        assert {"hue", "facet"} <= set(plot.options) <= {"metric", "x", "y", "hue", "facet"}
