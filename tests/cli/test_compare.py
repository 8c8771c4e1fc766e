"""`adamcmp compare`."""

import json

import pandas as pd
import pytest

import adamcmp
from adamcmp.cli import main
from adamcmp.cli.completion import candidates
from tests.support.imports import imported_study


class TestCommand:
    @pytest.fixture
    def study(self, results):
        """Import three seeds of two optimizers at two lr, and one run of SGD at another lr."""
        rows = [
            f"{optimizer},{lr},0,{seed},{lr},{0.2 + 0.01 * seed},{1 + lr * seed * (1 + offset)}\n"
            for offset, optimizer in enumerate(("adam_l2", "adamw"))
            for lr in (0.001, 0.01)
            for seed in range(3)
        ]
        header = "optimizer,lr,wd,seed,val_error,test_error,test_loss\n"
        content = header + "".join(rows) + "sgd,0.1,0,7,0.5,0.5,3\n"
        return imported_study(results / "s", content, paired_seeds=True)

    def test_a_sentence_and_a_table(self, study, capsys):
        overrides = ["compare", "s", "--a", "optimizer=adamw", "--b", "optimizer=adam_l2"]
        assert main([*overrides, "--metric", "test_loss"]) == 0
        out = capsys.readouterr().out
        assert "AdamW" in out.splitlines()[0] and "3 paired seeds" in out and "  test loss" in out
        assert "selected on these same seeds" in out and "Hedges' g_z" in out
        assert main([*overrides, "--a", "lr=0.01", "--metric", "test_loss", "--json"]) == 0
        row = json.loads(capsys.readouterr().out)
        expected = adamcmp.compare(
            adamcmp.load("s").runs, ["optimizer=adamw", "lr=0.01"], "optimizer=adam_l2", "test_loss"
        )
        assert row["estimate"] == expected["estimate"].item() and row["n"] == 3
        assert row["verdict"] == expected["verdict"].item()

    def test_no_number_of_seeds_is_not_an_unknown_one(self, study, capsys, monkeypatch):
        unlike = pd.DataFrame({"seeds_needed": [float("inf")], "settles": [float("nan")], "n": [3]})
        unlike[["p_value", "p_diverged"]] = float("nan")
        monkeypatch.setattr("adamcmp.analysis.compare", lambda *_, **__: unlike)
        assert main(["compare", "s", "--a", "lr=0.01", "--b", "lr=0.001", "--json"]) == 0
        row = json.loads(capsys.readouterr().out)
        assert {k: row[k] for k in ("seeds_needed", "settles", "n")} == {
            "seeds_needed": "inf",
            "settles": None,
            "n": 3,
        }

    def test_one_seed_and_the_latest_study(self, study, capsys):
        overrides = ["--a", "optimizer=adamw", "--b", "optimizer=sgd", "--json"]
        assert main(["compare", "lr=0.01", *overrides]) == 2
        assert "No run has optimizer=sgd" in capsys.readouterr().err
        assert (
            main(["compare", "s", "seed<1", *overrides[:2], "--b", "optimizer=adam_l2", "--json"])
            == 0
        )
        row = json.loads(capsys.readouterr().out)
        assert row["ci_low"] is None and "one seed" in row["verdict"]

    def test_a_baseline_is_compared_with_each_other_optimizer(self, study, capsys):
        assert main(["compare", "s", "--baseline", "adamw", "--json"]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert rows and {(row["a"], row["baseline"]) for row in rows} == {("adamw", "adamw")}
        assert main(["compare", "s", "--baseline", "adamw"]) == 0
        family = " ".join(capsys.readouterr().out.split("\n\n")[-1].split())
        assert family.startswith("The 2 comparisons with AdamW on test error are one family")
        assert main(["compare", "s", "--baseline", "adamw", "--a", "lr=0.01"]) == 2
        assert "either conditions a and b, or a baseline" in capsys.readouterr().err

    def test_several_problems(self, results, capsys):
        rows = [
            f"{model},{optimizer},0.1,0,{seed},{error * (1 + seed / 10)}\n"
            for model, errors in (("mlp", (0.1, 0.2)), ("cnn", (0.3, 0.3)))
            for optimizer, error in zip(("adamw", "sgd"), errors, strict=True)
            for seed in range(3)
        ]
        header = "model,optimizer,lr,wd,seed,test_error\n"
        constants = {"dataset": "d"}
        imported_study(results / "s", header + "".join(rows), constants, paired_seeds=True)
        arms = ["--a", "optimizer=adamw", "--b", "optimizer=sgd"]
        assert main(["compare", "s", *arms]) == 0
        lines = capsys.readouterr().out.splitlines()
        # The mean of three seeds is 1.1 times that of the first.
        means = [line.split()[-1] for line in lines if line.startswith(("AdamW ", "SGD "))]
        assert means == ["33", "33", "11.0", "22.0"]
        verdicts = [line for line in lines if line.startswith("d, ")]
        assert verdicts[0] == "d, cnn: AdamW and SGD have the same test error on all 3 seeds."
        assert verdicts[1].startswith("d, mlp: AdamW beats SGD on test error by ")
        assert main(["compare", "s", *arms, "--json"]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [row["problem"] for row in rows] == ["d, cnn", "d, mlp"]

    def test_bad_arguments(self, study, capsys):
        arms = ["--a", "optimizer=adamw", "--b", "optimizer=sgd"]
        for overrides, message in (
            (["nope", *arms], "There is no study 'nope'"),
            (["s", "lr=7", *arms], "No run has lr=7: lr holds 0.001, 0.01, 0.1"),
            (["s", "--a", "optimizer=adamww", *arms[2:]], "Did you mean 'adamw'?"),
        ):
            assert main(["compare", *overrides]) == 2
            out, err = capsys.readouterr()
            assert out == "" and message in err

    def test_completion(self, study):
        assert candidates("adamcmp compare s") == ["s"]
        assert candidates("adamcmp compare s --me") == ["--metric"]
        assert candidates("adamcmp compare s --a opt") == [
            f"optimizer={name}" for name in ("adam_l2", "adamw", "sgd")
        ]
        assert candidates("adamcmp compare s --metric test_l") == ["test_loss"]
