"""The ratio of two optimizers' noise, and what verdicts say about it."""

import numpy as np
import pytest

from adamcmp import analysis
from adamcmp.analysis import RunTable
from adamcmp.analysis.unequal_noise import noise_note, noise_ratio
from tests.support.random_numbers import rng
from tests.support.seeded_runs import A, at_setting, runs_from

#: Values whose mean is 0, with a large and a small spread.
LARGE = np.array([-0.05, 0.01, 0.04, -0.02, 0.03, -0.01])
SMALL = np.array([0.004, -0.001, 0.002, -0.003, -0.004, 0.002])


class TestNoiseRatio:
    @pytest.mark.parametrize("shared", [0.0, 3.0])
    def test_the_effect_of_a_seed_on_both_does_not_count(self, shared):
        draw = rng().normal
        seeds = shared * draw(size=(200, 1000))
        ratios = noise_ratio(
            seeds + 0.5 * draw(size=seeds.shape), seeds + draw(size=seeds.shape), True
        )
        assert np.median(ratios) == pytest.approx(0.5, rel=0.05)

    def test_unpaired_values_may_differ_in_number(self):
        expected = LARGE.std(ddof=1) / SMALL[:4].std(ddof=1)
        assert noise_ratio(LARGE, SMALL[:4], paired=False) == pytest.approx(expected)

    def test_without_noise(self):
        none = np.full(6, 0.3)
        assert np.isinf(noise_ratio(LARGE, none, paired=True))
        assert noise_ratio(none, LARGE, paired=True) == 0
        assert np.isnan(noise_ratio(none, none, paired=True))
        assert np.isnan(noise_ratio(none[:1], none[:1], paired=True))


class TestNoiseNote:
    def row(self, a, b, **columns):
        runs = runs_from([*at_setting("adamw", a), *at_setting("sgd", b)])
        return {**analysis.comparisons(RunTable(runs)).iloc[0], **columns}

    def test_a_significant_difference_names_the_optimizer_with_more_noise(self):
        row = self.row(0.2 + SMALL, 0.26 + LARGE)
        assert row["better"] == "a" and row["p_holm"] > 0.001 and row["noise_ratio"] < 0.3
        times = f"{1 / row['noise_ratio']:.1f}"
        expected = f"The noise of SGD is {times} times that of AdamW: if it is skewed, p is too"
        assert expected in analysis.sentence(row)
        assert "The noise of AdamW is 2.0 times that of SGD" in noise_note(
            {**row, "noise_ratio": 2}
        )
        for ratio in (0, np.inf):
            assert "is more than 10 times that of" in noise_note({**row, "noise_ratio": ratio})

    def test_other_comparisons_have_no_note(self):
        row = self.row(0.2 + SMALL, 0.26 + LARGE)
        for columns in ({"noise_ratio": 1.2}, {"noise_ratio": np.nan}, {"p_holm": 0.0005}):
            assert noise_note({**row, **columns}) == ""
        assert noise_note(self.row(0.2 + SMALL, 0.21 + LARGE)) == ""
        # Three seeds are little evidence for any reason.
        assert "noise of" not in analysis.sentence(self.row(0.2 + SMALL[:3], 0.9 + LARGE[:3]))

    def test_different_numbers_of_seeds(self):
        row = self.row(A, np.array(A) + 0.1)
        unpaired = {**row, "evidence": "difference", "paired": False, "n_b": 20, "p_holm": 0.01}
        unpaired["noise_ratio"] = 1.0
        assert "The numbers of seeds differ: if noise is skewed" in noise_note(unpaired)
        assert noise_note({**unpaired, "n_b": unpaired["n_a"]}) == ""
