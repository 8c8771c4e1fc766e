"""Choosing and reporting, comparisons and their sentences, on runs made by hand."""

import json
import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

import adamcmp
from adamcmp import analysis
from adamcmp.analysis import RunTable
from adamcmp.analysis.comparisons import COLUMNS
from adamcmp.analysis.wording import decimals, format_fixed, format_p
from adamcmp.cli import main
from adamcmp.cli.completion import candidates
from adamcmp.errors import ConfigError
from adamcmp.storage.columns import RUN_COLUMNS

NAN = float("nan")


def made(rows, regression=False) -> pd.DataFrame:
    """Runs from (optimizer, lr, seed, val, test[, status]); the training loss is the lr."""
    frame = pd.DataFrame(
        [
            {
                "run_id": f"{o}{lr}{seed}", "dataset": "d", "model": "m", "problem": "d, m",
                "optimizer": o, "lr": lr, "wd": 0.0, "seed": seed, "status": (rest or ["done"])[0],
                "train_loss": lr if val == val else NAN,
                **({"val_loss": val, "test_loss": test} if regression else
                   {"val_error": val, "test_error": test, "test_accuracy": 1 - test}),
            }
            for o, lr, seed, val, test, *rest in rows
        ]
    )  # fmt: skip
    return frame.reindex(columns=dict.fromkeys([*frame.columns, *RUN_COLUMNS]))


def grid(optimizer, tests, lr=0.1, val=0.3, seeds=None, **kind):
    """Runs of one setting from its test errors."""
    seeds = range(len(tests)) if seeds is None else seeds
    return [(optimizer, lr, seed, val, test) for seed, test in zip(seeds, tests, strict=True)]


A = [0.20, 0.22, 0.21, 0.23, 0.20, 0.21]
B = [0.25, 0.26, 0.27, 0.27, 0.26, 0.24]


class TestChoosing:
    #: Two settings on seeds 0 and 1; the better one on those has ten fresh seeds, which are bad.
    STAGES = made(
        [
            *((("adamw", 0.1, s, 0.30, 0.10)) for s in (0, 1)),
            *((("adamw", 0.2, s, 0.40, 0.20)) for s in (0, 1)),
            *((("adamw", 0.1, s, 0.90, 0.50 + s / 100)) for s in range(2, 12)),
        ]
    )

    def test_further_seeds_of_a_winner_do_not_rank_it(self):
        ranks = RunTable(self.STAGES).ranked().groupby("lr")["rank"].first()
        assert ranks.to_dict() == {0.1: 0, 0.2: 1}
        assert analysis.selection_seeds(RunTable(self.STAGES)) == {0, 1}

    def test_fresh_seeds_alone_are_reported(self):
        best = RunTable(self.STAGES).selected()
        assert best["fresh"].all() and sorted(best["seed"]) == list(range(2, 12))
        row = RunTable(self.STAGES).summary.iloc[0]
        assert row["test_error"] == pytest.approx(0.565) and row["seeds"] == 10 and row["fresh"]
        assert row["settings"] == 2

    def test_one_fresh_seed_is_too_few(self):
        few = self.STAGES[self.STAGES["seed"] < 3]
        best = RunTable(few).selected()
        assert not best["fresh"].any() and sorted(best["seed"]) == [0, 1, 2]

    def test_a_single_setting_chose_nothing(self):
        best = RunTable(self.STAGES[self.STAGES["lr"] == 0.1]).selected()
        assert best["fresh"].all() and len(best) == 12

    def test_a_setting_that_crashed_on_a_seed_is_worse_and_shares_it(self):
        runs = self.STAGES.copy()
        runs.loc[(runs["lr"] == 0.1) & (runs["seed"] == 0), "status"] = "failed"
        best = RunTable(runs).selected()
        assert set(best["lr"]) == {0.2} and analysis.selection_seeds(RunTable(runs)) == {0, 1}

    def test_settings_without_a_common_seed_are_judged_by_their_own(self):
        runs = made([("sgd", 0.1, 0, 0.3, 0.3), ("sgd", 0.2, 1, 0.2, 0.2)])
        assert set(RunTable(runs).selected()["lr"]) == {0.2}

    def test_the_first_stage_and_the_whole_study_choose_alike(self):
        first = self.STAGES[self.STAGES["seed"] < 2]
        assert set(RunTable(first).selected()["lr"]) == set(RunTable(self.STAGES).selected()["lr"])


class TestComparison:
    def test_a_pair_is_scipys_paired_test(self):
        table = analysis.comparisons(RunTable(made([*grid("adamw", A), *grid("adam_l2", B)])))
        row = table.iloc[0]
        theirs = scipy_stats.ttest_rel(A, B)
        ends = theirs.confidence_interval()
        assert len(table) == 1 and list(table) == COLUMNS
        assert (row["a"], row["b"], row["metric"]) == ("adamw", "adam_l2", "test_error")
        assert row["estimate"] == pytest.approx(np.mean(A) - np.mean(B))
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((ends.low, ends.high))
        assert row["p_value"] == row["p_holm"] == pytest.approx(theirs.pvalue)
        assert row["n"] == 6 and row["paired"] and row["fresh"] and row["better"] == "a"
        assert row["prob_better"] == 1 and row["prob_low"] < 1

    def test_seeds_that_are_not_shared_are_compared_by_welch(self):
        runs = made([*grid("adamw", A), *grid("sgd", B[:4], seeds=range(20, 24))])
        row = analysis.comparisons(RunTable(runs)).iloc[0]
        theirs = scipy_stats.ttest_ind(A, B[:4], equal_var=False)
        assert not row["paired"] and (row["n"], row["n_a"], row["n_b"]) == (4, 6, 4)
        assert row["p_value"] == pytest.approx(theirs.pvalue)
        u = scipy_stats.mannwhitneyu(B[:4], A).statistic
        assert row["prob_better"] == pytest.approx(u / 24)
        assert "6 and 4 seeds, not paired" in analysis.sentence(row)

    def test_pairs_take_the_seeds_that_are_shared(self):
        runs = made([*grid("adamw", A), *grid("sgd", B, seeds=range(2, 8))])
        row = analysis.comparisons(RunTable(runs)).iloc[0]
        assert row["paired"] and row["n"] == 4
        assert row["estimate"] == pytest.approx(np.mean(A[2:]) - np.mean(B[:4]))

    def test_holm_over_the_pairs_of_each_problem(self):
        runs = made([*grid("adamw", A), *grid("adam_l2", B), *grid("sgd", A[::-1])])
        both = pd.concat([runs, runs[runs["optimizer"] != "sgd"].assign(problem="e, m")])
        table = analysis.comparisons(RunTable(both))
        assert table.groupby("problem", sort=False).size().tolist() == [3, 1]
        first = table[table["problem"] == "d, m"]
        ordered = np.sort(first["p_value"])
        expected = np.minimum(np.maximum.accumulate(ordered * [3, 2, 1]), 1)
        assert np.sort(first["p_holm"]) == pytest.approx(expected)
        alone = table[table["problem"] == "e, m"].iloc[0]
        assert alone["p_holm"] == alone["p_value"]

    @settings(max_examples=20, deadline=None)
    @given(st.lists(st.tuples(*[st.floats(0, 1, width=16)] * 2), min_size=3, max_size=8))
    def test_turned_around_it_says_the_same(self, pairs):
        a, b = zip(*pairs, strict=True)
        forth = analysis.comparisons(RunTable(made([*grid("x", a), *grid("y", b)]))).iloc[0]
        back = analysis.comparisons(RunTable(made([*grid("y", b), *grid("x", a)]))).iloc[0]
        signs = {"estimate": ("estimate", -1), "ci_low": ("ci_high", -1), "p_value": ("p_value", 1)}
        for column, (other, sign) in signs.items():
            assert forth[column] == pytest.approx(sign * back[other], nan_ok=True, abs=1e-12)
        assert forth["prob_better"] == pytest.approx(1 - back["prob_better"])
        assert {forth["better"], back["better"]} in ({"a", "b"}, {""})

    def test_more_accuracy_is_better(self):
        runs = made([*grid("adamw", A), *grid("sgd", B)])
        row = analysis.comparisons(RunTable(runs), "test_accuracy").iloc[0]
        assert row["estimate"] > 0 and row["better"] == "a" and row["prob_better"] == 1
        assert "AdamW beats SGD on test accuracy by 4.7 points" in analysis.sentence(row)

    def test_a_regression_is_compared_by_loss(self):
        runs = made([*grid("adamw", A), *grid("sgd", B)], regression=True)
        row = analysis.comparisons(RunTable(runs)).iloc[0]
        assert row["metric"] == "test_loss"
        assert "on test loss by 0.047 (95 %" in analysis.sentence(
            row
        ) and "point" not in analysis.sentence(row)

    def test_diverged_seeds_are_left_out_and_lose(self):
        runs = made([*grid("adamw", A), *grid("sgd", B)])
        lost = (runs["optimizer"] == "adamw") & (runs["seed"] == 0)
        runs.loc[lost, ["status", "val_error", "test_error", "train_loss"]] = [
            "diverged",
            NAN,
            NAN,
            NAN,
        ]
        row = analysis.comparisons(RunTable(runs)).iloc[0]
        assert row["n"] == 5 and (row["diverged_a"], row["diverged_b"]) == (1, 0)
        assert row["estimate"] == pytest.approx(np.mean(A[1:]) - np.mean(B[1:]))
        assert row["prob_better"] == pytest.approx(5 / 6)
        assert row["p_holm"] < 0.05 and row["better"] == ""
        assert "but diverged more often. AdamW diverged on 1 seed (excluded)." in analysis.sentence(
            row
        )

    def test_nothing_ended(self):
        runs = made([*grid("adamw", A), *(("sgd", 0.1, s, NAN, NAN, "diverged") for s in range(3))])
        row = analysis.comparisons(RunTable(runs)).iloc[0]
        assert row["n"] == 0 and math.isnan(row["estimate"]) and row["better"] == ""
        assert "cannot be compared: no run of one of them completed" in analysis.sentence(row)

    def test_failed_runs_are_no_side(self):
        runs = made([*grid("adamw", A), *grid("sgd", B)])
        runs.loc[runs["optimizer"] == "sgd", "status"] = "failed"
        assert (
            analysis.comparisons(RunTable(runs)).empty
            and analysis.verdicts(analysis.comparisons(RunTable(runs))) == []
        )

    def test_one_seed_or_no_spread_gives_no_claim(self):
        one = analysis.comparisons(
            RunTable(made([*grid("adamw", A[:1]), *grid("sgd", B[:1])]))
        ).iloc[0]
        assert one["better"] == "" and "but one seed gives no interval" in analysis.sentence(one)
        even = analysis.comparisons(
            RunTable(made([*grid("adamw", A), *grid("sgd", [a + 0.25 for a in A])]))
        )
        assert even["better"].item() == ""
        assert (
            "the difference is the same on all 6 seeds, so it has no interval"
            in analysis.sentence(even.iloc[0])
        )

    def test_an_unlucky_choice_is_allowed_for(self):
        """On the seeds that chose, the best of many equal settings leads by luck alone."""
        rng = np.random.default_rng(5)
        rows = []
        for optimizer, count in (("adamw", 60), ("sgd", 1)):
            for lr, seed in product(range(1, count + 1), range(10)):
                error = 0.3 + 0.01 * rng.normal()
                rows.append((optimizer, lr, seed, error, error))
        table = analysis.comparisons(RunTable(made(rows)))
        row = table.iloc[0]
        assert row["p_holm"] < 0.05 < row["p_choice"] and row["better"] == "" and not row["fresh"]
        told = analysis.sentence(row)
        assert (
            "Selection among 60 and 1 settings could explain this; add selection seeds, not" in told
        )
        assert told.endswith("Settings were selected on these same seeds.")
        assert row["settles"] < abs(row["estimate"])  # what was luck would not come again

    def test_seeds_that_would_settle_it(self):
        rng = np.random.default_rng(0)
        a = 0.3 + 0.01 * rng.normal(size=10)
        b = 0.3 + 0.01 * rng.normal(size=10)
        row = analysis.comparisons(RunTable(made([*grid("adamw", a), *grid("sgd", b)]))).iloc[0]
        assert (
            row["better"] == "" and row["settles"] >= (row["ci_high"] - row["ci_low"]) / 4 - 1e-12
        )
        size = row["settles"] / np.std(a - b, ddof=1)
        n = row["seeds_needed"]
        power = [
            scipy_stats.nct.sf(scipy_stats.t.ppf(0.975, k - 1), k - 1, size * k**0.5)
            for k in (n - 1, n)
        ]
        assert power[0] < 0.8 <= power[1] + 1e-3
        assert "more seeds would detect a difference of" in analysis.sentence(row)


class TestBestSettings:
    def test_mean_and_interval_over_seeds(self):
        table = analysis.best_settings(RunTable(made([*grid("adamw", A), *grid("sgd", B, lr=0.2)])))
        assert table["estimate"].tolist() == pytest.approx([np.mean(A), np.mean(B)])
        assert (table["ci_low"] < table["estimate"]).all() and table["n"].tolist() == [6, 6]
        assert table["lr"].tolist() == [0.1, 0.2] and table["fresh"].all()

    def test_intervals_are_cut_to_what_is_possible(self):
        runs = made(grid("sgd", [0.01, 0.9])).assign(gap_error=[0.01, 0.9])
        row = analysis.best_settings(RunTable(runs), "test_error").iloc[0]
        assert (row["ci_low"], row["ci_high"]) == (0, 1)
        assert analysis.best_settings(RunTable(runs), "gap_error")["ci_low"].item() < 0


class TestVerdict:
    def test_a_leader_that_beats_all(self):
        runs = made(
            [*grid("adamw", A), *grid("adam_l2", B), *grid("sgd", [b + 0.1 for b in B[::-1]])]
        )
        (verdict,) = analysis.verdicts(analysis.comparisons(RunTable(runs)))
        assert verdict.problem == "d, m"
        assert verdict.overall == "AdamW is best on test error: it beats SGD and Adam+L2."
        first = verdict.pairs[0]
        assert len(verdict.pairs) == 3 and "beats" in first
        assert "6 paired seeds" in first and "Holm-adjusted p" in first

    def test_a_leader_that_cannot_be_told_from_one(self):
        runs = made([*grid("adamw", A), *grid("amsgrad", A[::-1]), *grid("sgd", B)])
        (verdict,) = analysis.verdicts(analysis.comparisons(RunTable(runs)))
        assert (
            "is not significantly different from" in verdict.overall
            and "it beats SGD" in verdict.overall
        )
        level = verdict.pairs[-1]
        assert level.startswith("No significant difference between")
        assert "AMSGrad" in level and "more seeds would detect a difference of" in level

    def test_one_that_never_ended_does_not_lead(self):
        lost = [("sgd", 0.1, s, NAN, NAN, "diverged") for s in range(6)]
        runs = made([*lost, *grid("adamw", A), *grid("adam_l2", B)])
        (verdict,) = analysis.verdicts(analysis.comparisons(RunTable(runs)))
        assert verdict.overall == (
            "AdamW is best on test error: it beats Adam+L2. No run of SGD completed."
        )

    def test_two_that_are_the_same(self):
        row = analysis.comparisons(RunTable(made([*grid("adamw", A), *grid("amsgradw", A)]))).iloc[
            0
        ]
        assert "have the same test error on all 6 seeds" in analysis.sentence(row)

    def test_no_leader(self):
        runs = made([*grid("adamw", A), *grid("amsgrad", A[::-1])])
        (verdict,) = analysis.verdicts(analysis.comparisons(RunTable(runs)))
        assert verdict.overall.startswith("No best optimizer on test error:")

    @pytest.mark.parametrize(
        ("losses", "words"),
        [
            (lambda i: (1.0 + 0.02 * (i % 2), 1.01), ", at equal training loss."),
            (
                lambda i: (1.0 + 0.9 * (i % 2), 1.4),
                ", with no significant difference in training loss.",
            ),
            (lambda i: (1.0 + 0.1 * (i % 2), 2.0), ", with training loss lower by 0.9"),
            (lambda i: (2.0 + 0.1 * (i % 2), 1.0), ", with training loss higher by 1.0"),
        ],
    )
    @pytest.mark.parametrize("order", [1, -1])
    def test_what_training_losses_say(self, losses, words, order):
        runs = made([*grid("adamw", A), *grid("sgd", B)][::order])
        first = runs["optimizer"] == "adamw"
        runs["train_loss"] = [
            losses(seed)[0 if own else 1] for seed, own in zip(runs["seed"], first, strict=True)
        ]
        assert words in analysis.sentence(analysis.comparisons(RunTable(runs)).iloc[0])


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


class TestCompare:
    RUNS = made(
        [
            *grid("adamw", A, val=0.3), *grid("adamw", B, lr=0.2, val=0.4),
            *grid("sgd", B), *grid("sgd", A, lr=0.3, val=0.9),
        ]
    ).drop(columns="problem")  # fmt: skip

    def test_settings_are_chosen_per_side(self):
        row = adamcmp.compare(self.RUNS, "optimizer=adamw", "optimizer=sgd").iloc[0]
        assert row["estimate"] == pytest.approx(np.mean(A) - np.mean(B))
        assert (row["setting_a"], row["setting_b"]) == ("lr 0.1, wd 0", "lr 0.1, wd 0")
        assert row["settings_a"] == 2 and not row["fresh"]
        assert row["verdict"].startswith(
            "AdamW beats SGD on test error by 4.7 points (95 % interval "
        )
        columns = ["estimate", "ci_low", "ci_high", "p_value", "n", "verdict"]
        assert set(columns) <= set(row.index)

    def test_several_conditions_and_one_optimizer_against_itself(self):
        table = adamcmp.compare(
            self.RUNS, ["optimizer=adamw", "lr=0.1"], ["optimizer=adamw", "lr=0.2"], "test_error"
        )
        assert table["a"].item() == "AdamW (lr=0.1)" and table["fresh"].item()
        assert table["verdict"].item().startswith("AdamW (lr=0.1) beats AdamW (lr=0.2)")
        whole = adamcmp.compare(self.RUNS, "lr=0.1", "optimizer!=adamw")
        assert whole["a"].item() == "lr=0.1 (AdamW)" and whole["settings_a"].item() == 2

    @pytest.mark.parametrize(
        ("a", "metric", "message"),
        [
            ("optimizer=adamx", None, "No run matches optimizer=adamx. Did you mean 'adamw'?"),
            ("optimzer=adamw", None, "no column 'optimzer'. Did you mean 'optimizer'?"),
            ("adamw", None, "write COLUMN=VALUE"),
            ("optimizer=adamw", "tets_error", "no metric 'tets_error'. Did you mean 'test_error'?"),
        ],
    )
    def test_bad_words(self, a, metric, message):
        with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
            adamcmp.compare(self.RUNS, a, "optimizer=sgd", metric)

    def test_several_problems_are_not_mixed(self):
        both = pd.concat([self.RUNS, self.RUNS.assign(model="n")])
        with pytest.raises(ConfigError, match=r"2 problems: d, m; d, n.*such as model=m"):
            adamcmp.compare(both, "optimizer=adamw", "optimizer=sgd")
        assert len(
            adamcmp.compare(both, ["optimizer=adamw", "model=n"], ["optimizer=sgd", "model=n"])
        )
        with pytest.raises(ConfigError, match="no runs to compare"):
            adamcmp.compare(self.RUNS[:0], "optimizer=adamw", "optimizer=sgd")


class TestCommand:
    WORDS = ("dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50", "steps=4",
             "eval.every_steps=4", "study=s")  # fmt: skip

    @pytest.fixture
    def study(self):
        adamcmp.sweep([*self.WORDS, "optimizer=adam_l2,adamw", "lr=1e-3,1e-2", "seed=0,1,2"])
        adamcmp.run([*self.WORDS, "optimizer=sgd", "seed=7"])

    def test_a_sentence_and_a_table(self, study, capsys):
        words = ["compare", "s", "--a", "optimizer=adamw", "--b", "optimizer=adam_l2"]
        assert main([*words, "--metric", "test_loss"]) == 0
        out = capsys.readouterr().out
        assert "AdamW" in out.splitlines()[0] and "3 paired seeds" in out and "test_loss" in out
        assert "selected on these same seeds" in out and "Hedges' g_z" in out
        assert main([*words, "--a", "lr=0.01", "--metric", "test_loss", "--json"]) == 0
        row = json.loads(capsys.readouterr().out)
        expected = adamcmp.compare(
            adamcmp.load("s").runs, ["optimizer=adamw", "lr=0.01"], "optimizer=adam_l2", "test_loss"
        )
        assert row["estimate"] == expected["estimate"].item() and row["n"] == 3
        assert row["verdict"] == expected["verdict"].item()

    def test_no_number_of_seeds_is_not_an_unknown_one(self, study, capsys, monkeypatch):
        unlike = pd.DataFrame({"seeds_needed": [float("inf")], "settles": [float("nan")], "n": [3]})
        monkeypatch.setattr("adamcmp.analysis.compare", lambda *words: unlike)
        assert main(["compare", "s", "--a", "lr=0.01", "--b", "lr=0.001", "--json"]) == 0
        row = json.loads(capsys.readouterr().out)
        assert row == {"seeds_needed": "inf", "settles": None, "n": 3}

    def test_one_seed_and_the_latest_study(self, study, capsys):
        words = ["--a", "optimizer=adamw", "--b", "optimizer=sgd", "--json"]
        assert main(["compare", "lr=0.01", *words]) == 2
        assert "No run matches optimizer=sgd" in capsys.readouterr().err
        assert (
            main(["compare", "s", "seed<1", *words[:2], "--b", "optimizer=adam_l2", "--json"]) == 0
        )
        row = json.loads(capsys.readouterr().out)
        assert row["ci_low"] is None and "one seed" in row["verdict"]

    def test_bad_words(self, study, capsys):
        side = ["--a", "optimizer=adamw", "--b", "optimizer=sgd"]
        for words, message in (
            (["nope", *side], "There is no study 'nope'"),
            (["s", "lr=7", *side], "No run of study 's' matches lr=7"),
            (["s", "--a", "optimizer=adamww", *side[2:]], "Did you mean 'adamw'?"),
        ):
            assert main(["compare", *words]) == 2
            out, err = capsys.readouterr()
            assert out == "" and message in err

    def test_completion(self, study):
        assert candidates("adamcmp compare s") == ["s"]
        assert candidates("adamcmp compare s --m") == ["--metric"]
        assert candidates("adamcmp compare s --a opt") == [
            f"optimizer={name}" for name in ("adam_l2", "adamw", "sgd")
        ]
        assert candidates("adamcmp compare s --metric test_l") == ["test_loss"]
