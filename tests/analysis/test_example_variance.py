"""The variance of test examples against closed forms, other libraries and simulated studies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from adamcmp.analysis import estimates
from adamcmp.analysis.example_variance import (
    ExamplePart,
    example_part,
    largest_example_variance,
    with_examples,
)
from tests.support.random_numbers import rng


def anova(d):
    """Return the mean squares of seeds, examples and the rest of a two-way layout."""
    n, m = d.shape
    total, rows, columns = d - d.mean(), d.mean(1) - d.mean(), d.mean(0) - d.mean()
    squares = (total**2).sum(), m * (rows**2).sum(), n * (columns**2).sum()
    rest = squares[0] - squares[1] - squares[2]
    return squares[1] / (n - 1), squares[2] / (m - 1), rest / ((n - 1) * (m - 1))


class TestPaired:
    def test_the_variance_is_that_of_the_mean_squares(self):
        """Var(mean) = (MS_S + MS_E - MS_R) / (n m), Dorfman, Berbaum & Metz (1992)."""
        n, m = 6, 200
        generator = rng()
        d = generator.normal(size=(n, m)) + generator.normal(size=m)
        both = with_examples(estimates.mean(d.mean(1)), example_part([d], m))
        seeds, examples, rest = anova(d)
        assert both.error**2 == pytest.approx((seeds + examples - rest) / (n * m))
        parts = seeds**2 / (n - 1), examples**2 / (m - 1), rest**2 / ((n - 1) * (m - 1))
        assert both.df == pytest.approx((seeds + examples - rest) ** 2 / sum(parts))

    def test_one_seed_gives_the_z_of_two_proportions_of_the_same_examples(self):
        """McNemar's z² is (b − c)² / (b + c); the variance here is not that under the null."""
        only_a, only_b, both, m = 30, 50, 100, 1000
        a, b = np.zeros((2, 1, m))
        a[0, :only_a] = b[0, only_a : only_a + only_b] = 1
        a[0, -both:] = b[0, -both:] = 1
        part = example_part([a - b], m)
        difference = (only_a - only_b) / m
        wald = ((only_a + only_b) / m - difference**2) / m
        assert part.variance == pytest.approx(wald * m / (m - 1))

    def test_examples_without_effect_add_nothing_on_average(self):
        d = rng().normal(size=(300, 5, 400))
        variances = [example_part([x], 400).variance for x in d]
        # Var(R)/(n·m) is in the seeds' part; the estimate is 0 where it would be negative.
        assert np.mean(variances) < 0.06 / 400

    @given(st.integers(2, 6), st.integers(3, 40))
    def test_a_difference_does_not_depend_on_the_order_of_seeds_and_examples(self, n, m):
        d = rng().random((n, m))
        rows, columns = rng().permutation(n), rng().permutation(m)
        assert example_part([d[rows][:, columns]], m) == pytest.approx(example_part([d], m))

    def test_a_part_of_the_outcomes_estimates_the_variance_of_all(self):
        generator = rng()
        d = generator.normal(size=(4, 4000)) + generator.normal(size=4000)
        some = example_part([d[:, ::4]], 4000)
        every = example_part([d], 4000)
        assert some.variance == pytest.approx(every.variance, rel=0.15)
        assert some.error_variance > every.error_variance


class TestUnpaired:
    def test_seeds_are_nested_in_the_arms(self):
        """A paired layout whose rows are shuffled in one arm keeps its examples' variance."""
        n, m, generator = 40, 2000, rng()
        examples = generator.normal(size=m)
        a = examples + generator.normal(size=(n, m))
        b = generator.normal(size=(n, m))
        paired, unpaired = example_part([a - b], m), example_part([a, -b], m)
        assert unpaired.variance == pytest.approx(paired.variance, rel=0.05)
        assert unpaired.variance == pytest.approx(examples.var() / m, rel=0.1)

    def test_the_order_of_the_seeds_is_irrelevant(self):
        a, b = rng().random((4, 30)), rng().random((7, 30))
        assert example_part([a, -b], 30) == pytest.approx(example_part([a[::-1], -b[::-1]], 30))


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(
    ("seed_sd", "example_sd"),
    [
        (0.1, 0.5),
        pytest.param(0.1, 0.1, marks=pytest.mark.slow),
        pytest.param(0.0, 0.5, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("n", [3, pytest.param(6, marks=pytest.mark.slow)])
def test_the_wider_interval_covers_the_truth(paired, seed_sd, example_sd, n):
    """Coverage over fresh seeds and fresh test examples, with 200 examples."""
    m, studies, generator = 200, 1000, rng()
    covered = 0
    for _ in range(studies):
        a, b = (
            seed_sd * generator.normal(size=(n, 1))
            + example_sd * generator.normal(size=m)
            + generator.normal(size=(n, m))
            for _ in range(2)
        )
        if paired:
            seeds = estimates.mean(a.mean(1) - b.mean(1))
        else:
            seeds = estimates.unpaired_difference(a.mean(1), b.mean(1))
        both = with_examples(seeds, example_part([a - b] if paired else [a, -b], m))
        covered += any(interval.low <= 0 <= interval.high for interval in (seeds, both))
    assert covered / studies > stats.binom.ppf(0.0005, studies, 0.945) / studies


class TestParts:
    def test_no_variance_of_examples_leaves_the_interval_of_seeds(self):
        seeds = estimates.mean(rng().normal(size=8))
        both = with_examples(seeds, ExamplePart(0.0, 0.0))
        np.testing.assert_allclose(np.array(both), np.array(seeds))

    def test_an_uncertain_part_of_the_examples_leaves_the_degrees_of_freedom(self):
        seeds = estimates.mean(np.array([0.30, 0.31]))
        both = with_examples(seeds, ExamplePart(0.0, 1e-4))
        assert both.df == seeds.df == 1

    def test_no_interval_over_seeds_stays_none(self):
        both = with_examples(estimates.mean(np.full(3, 0.1)), ExamplePart(0.1, 0.01))
        assert np.isnan([both.low, both.high, both.p_value]).all()

    @given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**32 - 1))
    def test_the_bound_holds_for_every_pair_of_outcomes(self, share_a, share_b, seed):
        generator, m = np.random.default_rng(seed), 200
        a, b = ((generator.random((3, m)) < share).astype(float) for share in (share_a, share_b))
        bound = largest_example_variance(a.mean(), b.mean(), m)
        assert (a - b).mean(0).var() / m <= bound + 1e-12

    def test_the_bound_is_reached_by_errors_on_disjoint_examples(self):
        a, b = np.zeros((2, 1, 100))
        a[0, :20], b[0, 20:50] = 1, 1
        assert largest_example_variance(0.2, 0.3, 100) == pytest.approx((a - b).mean(0).var() / 100)


def test_a_rounding_error_is_no_variance():
    """With one outcome that differs, the spread of the examples is exactly that of the noise."""
    difference = np.zeros((10, 360))
    difference[0, 0] = 1
    assert example_part([difference], 360).variance == 0
