"""What outcomes on single test examples say about a difference."""

import numpy as np
import pytest
from scipy import stats

from adamcmp.analysis import RunTable, comparisons, sentence
from adamcmp.analysis.arms import Arm
from adamcmp.analysis.example_variance import example_part
from adamcmp.analysis.outcomes import (
    bound_of_examples,
    examples_of_difference,
    fewest_examples,
    split_and_outcome,
)
from tests.support.example_outcomes import drawn, table_with_outcomes
from tests.support.random_numbers import rng
from tests.support.seeded_runs import A, B, at_setting, runs_from

WRONG = drawn(rng(), {"adamw": 0.8, "sgd": 1.2}, seeds=6, examples=1000)
TABLE = table_with_outcomes(WRONG)


class TestMetrics:
    @pytest.mark.parametrize("metric", ["train_error", "best_test_error", "test_r2", "test_rmse"])
    def test_without_outcomes(self, metric):
        assert split_and_outcome(metric) is None

    @pytest.mark.parametrize("metric", ["test_error", "test_accuracy", "gap_error"])
    def test_of_the_test_error(self, metric):
        assert split_and_outcome(metric) == ("test", "error")


class TestComparisons:
    def test_the_interval_has_both_parts(self):
        row = comparisons(TABLE).iloc[0]
        part = example_part([WRONG["adamw"] - WRONG["sgd"]], 1000)
        errors = [WRONG[name].mean(1) for name in ("adamw", "sgd")]
        over_seeds = comparisons(RunTable(TABLE.runs)).iloc[0]
        assert row["covers"] == "seeds and examples" and over_seeds["covers"] == "seeds"
        assert row["ci_examples"] == pytest.approx(1.96 * part.variance**0.5, rel=1e-3)
        assert row["ci_seeds"] == pytest.approx(over_seeds["ci_seeds"])
        half = (row["ci_high"] - row["ci_low"]) / 2
        assert (
            max(row["ci_seeds"], row["ci_examples"]) < half < row["ci_seeds"] + row["ci_examples"]
        )
        assert row["estimate"] == pytest.approx(errors[0].mean() - errors[1].mean())

    def test_the_sentence_gives_both_parts(self):
        row = comparisons(TABLE).iloc[0]
        text = sentence(row)
        seeds, examples = 100 * row["ci_seeds"], 100 * row["ci_examples"]
        assert (
            f"6 paired seeds ±{seeds:.1f}, test examples ±{examples:.1f}, not training data; p"
            in text
        )

    def test_examples_without_a_part_are_said_to_add_0(self):
        row = {**comparisons(TABLE).iloc[0].to_dict(), "ci_examples": 0.0}
        assert "test examples ±0, not" in sentence(row)

    def test_seeds_that_are_not_paired(self):
        runs = TABLE.runs.assign(paired_seeds=False)
        row = comparisons(RunTable(runs, all_examples=TABLE.all_examples)).iloc[0]
        part = example_part([WRONG["adamw"], -WRONG["sgd"]], 1000)
        assert not row["paired"] and row["covers"] == "seeds and examples"
        assert row["ci_examples"] == pytest.approx(part.half_width)

    def test_data_that_vary_with_the_seed_are_covered(self):
        """The validation sets differ; the test set is the same."""
        runs = TABLE.runs.assign(**{"dataset.data_seed": "seed"})
        row = comparisons(RunTable(runs, all_examples=TABLE.all_examples)).iloc[0]
        assert row["covers"] == "seeds, data and examples"
        assert "; 6 paired seeds and training sets ±" in sentence(row)
        without = comparisons(RunTable(runs)).iloc[0]
        assert without["covers"] == "seeds and data"
        assert "; 6 paired seeds and training sets, not test examples (at" in sentence(without)

    def test_the_sentence_names_what_the_interval_leaves_out(self):
        row = comparisons(RunTable(TABLE.runs)).iloc[0].to_dict()
        bound = f"test examples (at most ±{100 * row['ci_examples']:.1f})"
        assert f"; 6 paired seeds, neither {bound} nor training data; p" in sentence(row)
        unknown = sentence({**row, "ci_examples": float("nan")})
        assert ", neither test examples nor training data; p" in unknown
        assert ", not training data; p" in sentence({**row, "metric": "train_error"})

    @pytest.mark.parametrize("paired", [True, False])
    def test_a_run_without_outcomes_is_left_out_of_the_part_of_the_examples(self, paired):
        runs = TABLE.runs.assign(paired_seeds=paired)
        stored = TABLE.all_examples[TABLE.all_examples["run_id"] != "sgd0.12"]
        row = comparisons(RunTable(runs, all_examples=stored)).iloc[0]
        x, y = WRONG["adamw"], np.delete(WRONG["sgd"], 2, axis=0)
        layouts = [np.delete(x, 2, axis=0) - y] if paired else [x, -y]
        assert row["covers"] == "seeds and examples" and row["n"] == 6
        assert row["ci_examples"] == pytest.approx(example_part(layouts, 1000).half_width)

    @pytest.mark.parametrize(("seeds", "covers"), [(2, "seeds and examples"), (1, "seeds")])
    def test_the_outcomes_of_two_seeds_are_needed(self, seeds, covers):
        ids = [f"{name}0.1{seed}" for name in WRONG for seed in range(seeds)]
        stored = TABLE.all_examples[TABLE.all_examples["run_id"].isin(ids)]
        assert comparisons(RunTable(TABLE.runs, all_examples=stored)).iloc[0]["covers"] == covers

    def test_other_test_sets_are_not_paired_by_example(self):
        table = table_with_outcomes(WRONG, set_ids={"sgd": "another"})
        assert comparisons(table).iloc[0]["covers"] == "seeds"

    @pytest.mark.parametrize(("others", "better"), [(2, ""), (20, "a")])
    def test_runs_that_do_not_depend_on_the_seed_vary_with_the_examples(self, others, better):
        """As if a convex problem were trained on full batches."""
        wrong = np.zeros((2, 1000))
        wrong[0, :100] = wrong[1, : 100 + others] = 1
        arms = {"adamw": np.tile(wrong[0], (8, 1)), "sgd": np.tile(wrong[1], (8, 1))}
        row = comparisons(table_with_outcomes(arms)).iloc[0]
        assert row["better"] == better
        by_examples = stats.norm.sf(others**0.5, scale=(1 - others / 1000) ** 0.5) * 2
        assert row["p_value"] == pytest.approx(max(2**-7, by_examples), rel=0.01)
        assert "sign test" not in sentence(row)

    def test_no_number_of_seeds_outweighs_the_examples(self):
        generator = rng()
        hard = generator.random(200) < 0.3
        wrong = {
            name: np.tile(generator.permutation(hard), (8, 1)).astype(float) for name in ("x", "y")
        }
        wrong["x"][:4, 0] = 1 - wrong["x"][:4, 0]  # seeds differ a little
        row = comparisons(table_with_outcomes(wrong)).iloc[0]
        assert row["seeds_needed"] == np.inf
        assert "use a larger test set" in sentence(row)


class TestBound:
    def test_of_runs_without_outcomes(self):
        runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", B)])
        row = comparisons(RunTable(runs)).iloc[0]
        # The errors are multiples of 1/100, with means 0.2117 and 0.2583.
        variance = (0.47 - (np.mean(A) - np.mean(B)) ** 2) / 100
        assert row["ci_examples"] == pytest.approx(1.96 * variance**0.5, rel=1e-3)

    def test_is_wider_than_the_part_of_stored_outcomes(self):
        arms = Arm.of_optimizers(TABLE)
        ids = [arm.reported["run_id"] for arm in arms]
        part = examples_of_difference(TABLE, *ids, "test_error", paired=True)
        assert part.half_width < bound_of_examples(*(a.reported for a in arms), "test_error")

    @pytest.mark.parametrize("metric", ["test_loss", "train_error"])
    def test_of_other_metrics_is_unknown(self, metric):
        assert np.isnan(bound_of_examples(TABLE.runs, TABLE.runs, metric))

    @pytest.mark.parametrize("examples", [7, 360, 1000, 10_000, 50_000])
    def test_the_number_of_examples_follows_from_the_errors(self, examples):
        errors = rng().binomial(examples, 0.2, 30) / examples
        assert fewest_examples(errors) == examples

    def test_errors_that_are_no_shares_have_no_number(self):
        assert np.isnan(fewest_examples(rng().random(30)))
