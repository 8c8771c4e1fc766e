"""Sentences on properties, from rows whose numbers are known."""

import pandas as pd
import pytest

from adamcmp.analysis import property_sentences

NAN = float("nan")


def row(name, over, estimate, **changes):
    metric = {"training speed": "", "overfitting": "gap_error"}.get(name, "test_error")
    return {
        **{"problem": "d, m", "property": name, "metric": metric, "condition": 4.0},
        **{"optimizer": "adamw", "over": over, "value": 0.014, "estimate": estimate},
        **{"ci_low": estimate - 0.005, "ci_high": estimate + 0.005, "n": 5, "p_value": 0.001},
        **{"p_adjusted": 0.001, "covers": "seeds", "stays_within": NAN, "fails_from": NAN},
        **changes,
    }


def text(*rows, **options):
    return property_sentences(pd.DataFrame(rows), **options)


def test_sensitivity():
    rows = [
        row("wd sensitivity", "sgd", 0.1, fails_from=0.1),
        row("wd sensitivity", "adam_l2", 0.05, stays_within=0.019),
    ]
    rows[0]["stays_within"] = 0.019
    assert text(*rows) == (
        "AdamW is less sensitive to wd than Adam+L2 (5.0 points [4.5, 5.5]) and SGD (10.0 points "
        "[9.5, 10.5]): within a factor of 4 of its best wd, its test error exceeds the best by 1.4 "
        "points on average, and by less than 1.9 points at every wd that was tried; SGD does not "
        "train from wd 0.1 on. Brackets are 95 % intervals over seeds; each property is tested "
        "by itself."
    )


def test_tuning_with_another_lowest_error_after_one_trial():
    rows = [
        row("tuning", "sgd", 0.05),
        row("tuning", "adamw", 0.06, optimizer="sgd", condition=1.0),
        row("tuning", "lion", 0.04, optimizer="sgd", condition=1.0),
    ]
    assert text(*rows).startswith(
        "With the best of 4 random settings, AdamW has a lower expected test error than SGD (5.0 "
        "points [4.5, 5.5]); with one random setting, SGD has a lower one than 2 others, the "
        "closest of which is Lion (4.0 points [3.5, 4.5]). Brackets"
    )


def test_tuning_with_the_same_lowest_error_after_one_trial():
    rows = [row("tuning", "sgd", 0.05), row("tuning", "sgd", 0.06, condition=1.0)]
    assert "one random setting" not in text(*rows)


def test_training_speed():
    sentence = text(row("training speed", "sgd", 1.5, condition=0.0412, value=12.3))
    assert sentence.startswith(
        "At its best setting, AdamW trains faster than SGD (factor 1.500 [1.495, 1.505]): its "
        "training loss falls to 0.041 in 12 epochs."
    )


def test_overfitting():
    sentence = text(row("overfitting", "sgd", 0.02, condition=0.3, value=0.11))
    assert sentence.startswith(
        "At a training loss of 0.3, AdamW overfits less than SGD (2.0 points [1.5, 2.5]): its test "
        "error exceeds its training error by 11 points."
    )


def test_losses_have_no_unit():
    assert "than SGD (0.050 [0.045, 0.055])" in text(
        row("wd sensitivity", "sgd", 0.05, metric="test_loss")
    )


def test_many_others_are_counted():
    rows = [row("overfitting", f"o{i}", 0.02 + i / 100) for i in range(4)]
    assert "than 4 others, the closest of which is o0 (2.0 points" in text(*rows)


class TestWithoutSignificantDifference:
    def test_it_is_said_which_properties_lack_one(self):
        rows = [row("overfitting", "sgd", 0.02)]
        rows += [row(name, "sgd", 0.02, p_adjusted=0.4) for name in ("lr sensitivity", "tuning")]
        assert text(*rows).endswith(
            "Brackets are 95 % intervals over seeds; each property is tested by itself; no "
            "difference in sensitivity to lr and the error after a few random trials was detected."
        )

    @pytest.mark.parametrize("p", [0.05, NAN])
    def test_of_any_property(self, p):
        rows = [row("overfitting", "sgd", 0.02, p_adjusted=p)]
        assert text(*rows) == "No difference in overfitting at equal training loss was detected."

    def test_a_later_look_has_a_stricter_level(self):
        assert "overfits less" not in text(row("overfitting", "sgd", 0.02), level=0.0005)

    def test_without_rows(self):
        assert property_sentences(pd.DataFrame([row("overfitting", "sgd", 1)])[:0]) == ""


def test_the_samples_that_intervals_cover():
    varied = row("overfitting", "sgd", 0.02, covers="seeds, data and examples")
    assert "over seeds and training sets and, for errors, test examples" in property_sentences(
        pd.DataFrame([varied])
    )
    covered = row("overfitting", "sgd", 0.02, covers="seeds and examples")
    rows = [covered, row("training speed", "sgd", 2)]
    assert "intervals over seeds and, for errors, test examples; each" in text(*rows)
    assert "intervals over seeds; each" in text(*rows, row("tuning", "sgd", 0.02))
