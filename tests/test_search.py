"""Searches over ranges: what Optuna proposes is trained, told, and gone on with."""

import json

import pytest
from filelock import FileLock

import adamcmp
from adamcmp.cli import main
from adamcmp.config import Composer
from adamcmp.errors import AdamcmpError
from adamcmp.search import Searching
from adamcmp.study import execute

pytest.importorskip("optuna")

FAST = [
    "dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50",
    "steps=3", "eval.every_steps=3",
]  # fmt: skip
RANGES = ["lr=tag(log,interval(1e-4,1e-1))", "wd=interval(0,0.5)"]
WORDS = [*FAST, *RANGES, "optimizer=adamw,sgd", "seeds=2", "n=5", "batch=3"]


def settings(study):
    runs = adamcmp.load(study).runs
    return {
        name: sorted(set(group[["lr", "wd", "batch_size"]].itertuples(index=False, name=None)))
        for name, group in runs.groupby("optimizer")
    }


@pytest.mark.parametrize("sampler", ["random", "sobol", "tpe", "cmaes"])
def test_each_optimizer_tries_n_settings_in_the_ranges(sampler, capsys):
    words = [*WORDS, f"sampler={sampler}", "batch_size=32,64", "study=s"]
    assert main(["sweep", *words]) == 0
    out = capsys.readouterr().out
    runs = adamcmp.load("s").runs
    assert (runs.groupby(["optimizer", "lr", "wd", "batch_size"])["seed"].nunique() == 2).all()
    tried = settings("s")
    assert {name: len(cells) for name, cells in tried.items()} == {"adamw": 5, "sgd": 5}
    for lr, wd, batch_size in tried["adamw"]:
        assert 1e-4 <= lr <= 1e-1 and 0 <= wd <= 0.5 and batch_size in (32, 64)
    assert len({batch_size for *_, batch_size in tried["adamw"] + tried["sgd"]}) == 2
    # The best is the lowest mean over seeds, by pandas alone.
    means = runs.groupby(["optimizer", "lr", "wd", "batch_size"])["val_error"].mean()
    for name in ("adamw", "sgd"):
        lr, wd, batch_size = means[name].idxmin()
        line = next(line for line in out.splitlines() if f"optimizer={name}" in line)
        assert f"best val_error {means[name].min():.4f}" in line
        if (means[name] == means[name].min()).sum() == 1:
            assert f"lr={lr:g}" in line and f"batch_size={batch_size}" in line


@pytest.mark.parametrize("sampler", ["random", "sobol", "tpe", "cmaes"])
def test_a_search_that_was_killed_proposes_what_it_would_have(sampler):
    words = [*WORDS, f"sampler={sampler}"]
    adamcmp.sweep([*words, "study=whole"])
    calls = []

    def killed(config):
        calls.append(config)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return execute(config)

    with pytest.raises(KeyboardInterrupt):
        Searching(Composer(), [*words, "study=cut"]).run(killed)
    assert len(adamcmp.load("cut").runs) == 12
    adamcmp.sweep([*words, "study=cut"])
    assert settings("cut") == settings("whole")
    wider = [word.replace("n=5", "n=6") for word in words]
    more = adamcmp.sweep([*wider, "study=cut"])
    assert len(more.runs) == 24


def test_whole_numbers_log_scales_and_pairs():
    words = [
        *FAST, "batch_size=tag(log,int(interval(8,64)))", "lr,wd=1e-3:0.1,1e-2:0.01",
        "sampler=random", "n=6", "study=s",
    ]  # fmt: skip
    runs = adamcmp.sweep(words).runs
    assert len(runs) == 6 and runs["batch_size"].between(8, 64).all()
    assert set(zip(runs["lr"], runs["wd"], strict=True)) <= {(1e-3, 0.1), (1e-2, 0.01)}


def test_a_setting_that_diverges_is_the_worst():
    words = [*FAST, "optimizer=sgd", "wd=0", "lr=tag(log,interval(1e-3,1e30))", "steps=20"]
    words += ["eval.every_steps=20", "sampler=tpe", "n=8", "batch=4", "study=s"]
    runs = adamcmp.sweep(words).runs
    assert (runs["status"] == "diverged").any() and (runs["status"] == "done").any()
    ((best, value),) = Searching(Composer(), words).best()
    done = runs[runs["status"] == "done"]
    assert value == pytest.approx(done["val_error"].min()) and "lr=" in best


def test_dry_run_shows_a_search(capsys):
    assert main(["sweep", *WORDS, "sampler=tpe", "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["runs"], planned["left"]) == (20, 20)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lr=interval(1e-3,1e-1)"], "needs sampler=random|sobol|tpe|cmaes n=64"),
        (["sampler=tpp", "n=3", *RANGES], "Did you mean 'tpe'"),
        (["sampler=tpe", *RANGES], "and n=64, both"),
        (["sampler=tpe", "n=4"], "needs something to search"),
        (["sampler=tpe", "n=4", "lr=interval(1,0.1)"], "from low to high"),
        (["sampler=tpe", "n=4", "lr=tag(log,interval(0,1))"], "numbers above 0"),
        (["sampler=tpe", "n=4", "lr=tag(lgo,interval(1,2))"], "only tag"),
        (["sampler=tpe", "n=4", "wd=interval(-1,1)"], "wd=-1"),
        (["sampler=tpe", "n=4", "lrr=interval(1,2)"], "There is no setting 'lrr'"),
        (["sampler=tpe", "n=4", "dataset.validation=0", *RANGES], "dataset.validation"),
        (["sampler=tpe", "n=4", "objective=test_error", *RANGES], "objective=test_error"),
    ],
)
def test_bad_searches(words, message, capsys, results):
    assert main(["sweep", *FAST, *words]) == 2
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err
    assert not results.exists()


def test_two_searches_of_one_study_at_once(results):
    (results / "s").mkdir(parents=True)
    with (
        FileLock(results / "s" / ".search.lock"),
        pytest.raises(AdamcmpError, match="searched by another process"),
    ):
        adamcmp.sweep([*WORDS, "sampler=tpe", "study=s"])
