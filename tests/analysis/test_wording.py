"""Names and numbers as text."""

import pytest

from adamcmp import analysis
from adamcmp.analysis.wording import decimals, format_fixed, format_p
from tests.support.seeded_runs import NAN


class TestWording:
    def test_names(self):
        names = ["adam_l2", "adamw", "amsgradw", "sgd (independent)", "mine"]
        shown = ["Adam+L2", "AdamW", "AMSGradW", "SGD (independent)", "mine"]
        assert [analysis.display_name(name) for name in names] == shown

    @pytest.mark.parametrize(
        ("low", "high", "places"),
        [(1.2, 2.6, 1), (-0.4, 0.5, 1), (0.011, 0.013, 4), (12, 26, 0), (2, 5, 1), (NAN, NAN, 3)],
    )
    def test_decimals_follow_the_intervals_width(self, low, high, places):
        assert decimals(low, high) == places

    def test_numbers(self):
        assert format_fixed(-0.44, 1) == "−0.4" and format_fixed(0.0, 1) == "0.0"
        assert format_fixed(0.004, 1) == "0.004" and format_fixed(-0.0, 0) == "0"
        shown = [format_p(p) for p in (0.0002, 0.0042, 0.0483, 0.0521, 0.0312, 0.251)]
        assert shown == ["< 0.001", "= 0.004", "= 0.048", "= 0.052", "= 0.03", "= 0.25"]
