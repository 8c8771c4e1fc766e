"""Selection bias against simulated studies."""

import numpy as np
import pytest

from adamcmp.analysis import estimates
from adamcmp.analysis.selection_bias import (
    NO_BIAS,
    SHARE,
    SelectionBias,
    debiased,
    largest_bias,
    selection_bias,
    selection_p_value,
)
from tests.support.random_numbers import rng


class TestSelectionBias:
    def studies(self, settings, seeds, spread=0.0, count=300):
        """Validation and test errors that share 0.8 of their noise, and the settings' truth."""
        draw = rng().normal
        truth = spread * draw(size=(count, settings, 1))
        shared = draw(size=(count, settings, seeds))
        val, test = (
            truth + 0.8**0.5 * shared + 0.2**0.5 * draw(size=shared.shape) for _ in range(2)
        )
        return val, test, truth[..., 0]

    def test_optimism_matches_a_simulation(self):
        val, test, truth = self.studies(settings=16, seeds=5, spread=0.3)
        chosen = val.mean(-1).argmin(-1)[:, None]
        actual = (np.take_along_axis(test.mean(-1) - truth, chosen, 1)).mean()
        estimate = np.mean(selection_bias(val, test, test, fresh=False).optimism)
        assert actual < -0.3
        assert 0.6 * actual > estimate > 1.2 * actual

    def test_variance_is_that_of_repeated_selections(self):
        """The true variance of the choice, over studies of one surface, is near the estimate."""
        draw, truth = rng().normal, 0.15 * np.arange(16.0)
        val = truth[:, None] + draw(size=(300, 16, 5))
        actual = truth[val.mean(-1).argmin(-1)].var()
        estimate = np.mean(selection_bias(val, val, val, fresh=True).variance)
        assert actual < estimate < 3 * actual

    @pytest.mark.parametrize("fresh", [True, False])
    def test_validation_examples_vary_the_selection(self, fresh):
        """Their effect on a setting is the same on all seeds, and absent from the test set."""
        val, test, _ = self.studies(settings=16, seeds=10)
        effect = rng().normal(size=(300, 16, 1))
        truth = np.arange(16.0)[:, None]
        without = selection_bias(val + truth, test + truth, test + truth, fresh=fresh)
        assert np.mean(without.variance) < 0.1
        val, test = val + truth + effect, test + truth
        chosen = val.mean(-1).argmin(-1)
        estimate = np.mean(selection_bias(val, test, test, fresh=fresh).variance)
        assert 0.5 * chosen.var() < estimate < 2 * chosen.var()
        unknown = selection_bias(val, np.full_like(test, np.nan), test, fresh=fresh)
        assert np.mean(unknown.variance) < 0.3 * estimate

    def test_one_setting_or_one_far_ahead_has_no_bias(self):
        val, test, _ = self.studies(settings=4, seeds=5)
        assert selection_bias(val[:, :1], test[:, :1], test[:, :1], fresh=True) is NO_BIAS
        val[:, 0] -= 100
        test[:, 0] -= 100
        assert np.max(selection_bias(val, test, test, fresh=True).variance) < 1e-20
        assert np.abs(selection_bias(val, test, test, fresh=False).optimism).max() < 0.1

    def test_one_selection_seed_uses_the_given_standard_deviation(self):
        val, _, _ = self.studies(settings=9, seeds=1)
        assert np.max(selection_bias(val, val, val, fresh=True).variance) < 1e-20
        given = selection_bias(val, val, val, fresh=True, single_setting_sd=np.ones(300))
        assert np.min(given.variance) > 0

    @pytest.mark.parametrize("scale", [1.0, -100.0])
    def test_regret_is_the_distance_from_the_best_setting(self, scale):
        """It is in the unit of the compared metric, which may be better if higher."""
        truth = 0.3 * np.arange(16.0)[:, None]
        val, test, _ = self.studies(settings=16, seeds=5)
        val, test = val + truth, test + truth
        actual = scale * truth[val.mean(-1).argmin(-1)].mean()
        bias = selection_bias(val, test, scale * test, fresh=True)
        assert 0.7 < np.mean(bias.regret) / actual < 1.5

    def test_equally_good_settings_have_little_regret(self):
        val, test, _ = self.studies(settings=16, seeds=5)
        assert np.mean(selection_bias(val, test, test, fresh=True).regret) < 0.1

    def test_regret_is_subtracted_from_the_lead_of_the_other(self):
        ahead = estimates.mean(rng().normal(size=10) - 1)
        worse = SelectionBias(0.0, 0.3, 0.0)
        lead = abs(float(ahead.value))
        assert debiased(ahead, NO_BIAS, worse) == pytest.approx(lead - 0.3)
        assert debiased(ahead, worse, NO_BIAS) == pytest.approx(lead + 0.3)
        assert largest_bias(worse, NO_BIAS) == largest_bias(NO_BIAS, worse) == 0.3

    def test_the_variance_of_candidates_is_not_reduced(self):
        val, test, _ = self.studies(settings=5, seeds=10)
        of_all, of_candidates = (
            np.asarray(selection_bias(val, test, test, fresh=True, candidates=c).variance)
            for c in (False, True)
        )
        np.testing.assert_allclose(of_all, SHARE * of_candidates)

    def test_equal_data_give_equal_results(self):
        val, test, _ = self.studies(settings=9, seeds=3)
        several = selection_bias(val, test, test, fresh=False)
        single = selection_bias(val[5], test[5], test[5], fresh=False)
        assert single == selection_bias(val[5], test[5], test[5], fresh=False)
        assert several.optimism[5] == pytest.approx(single.optimism)

    def test_the_correction_never_lowers_the_p_value(self):
        estimate = estimates.mean(rng().normal(size=(200, 10)) + 0.5)
        lucky = SelectionBias(rng().normal(size=200), 0.0, rng().random(200))
        assert (selection_p_value(estimate, lucky, NO_BIAS) >= estimate.p_value).all()
        np.testing.assert_allclose(selection_p_value(estimate, NO_BIAS, NO_BIAS), estimate.p_value)
