"""Searches over ranges: Optuna's proposals are trained."""

import json

import pytest

import adamcmp
from adamcmp.cli import main
from adamcmp.cli.progress_bar import Bar
from adamcmp.config import Composer
from adamcmp.planning import numerics
from adamcmp.platform import provenance
from adamcmp.workflows.search import BestSetting, RangeSearch
from tests.support.required import require_package
from tests.support.searches import OVERRIDES, RANGES, SAMPLERS, search
from tests.support.studies import THREE_STEPS
from tests.support.training import crashing

require_package("optuna")


def settings(study):
    runs = adamcmp.load(study).runs
    return {
        name: sorted(set(group[["lr", "wd", "batch_size"]].itertuples(index=False, name=None)))
        for name, group in runs.groupby("optimizer")
    }


@pytest.mark.parametrize(
    "sampler",
    [pytest.param(name, marks=[pytest.mark.slow] * (name != "tpe")) for name in SAMPLERS],
)
def test_each_optimizer_tries_n_settings_in_the_ranges(sampler, capsys):
    overrides = [*OVERRIDES, f"sampler={sampler}", "batch_size=32,64", "study=s"]
    assert main(["sweep", *overrides]) == 0
    out = capsys.readouterr().out
    runs = adamcmp.load("s").runs
    assert (runs.groupby(["optimizer", "lr", "wd", "batch_size"])["seed"].nunique() == 2).all()
    tried = settings("s")
    assert {name: len(cells) for name, cells in tried.items()} == {"adamw": 5, "sgd": 5}
    for lr, wd, batch_size in tried["adamw"]:
        assert 1e-4 <= lr <= 1e-1 and 0 <= wd <= 0.5 and batch_size in (32, 64)
    assert len({batch_size for *_, batch_size in tried["adamw"] + tried["sgd"]}) == 2
    # The best is the lowest mean over seeds, computed with pandas.
    means = runs.groupby(["optimizer", "lr", "wd", "batch_size"])["val_error"].mean()
    for name in ("adamw", "sgd"):
        lr, wd, batch_size = means[name].idxmin()
        line = next(line for line in out.splitlines() if f"optimizer={name}" in line)
        assert f"best val_error {means[name].min():.4f}" in line
        if (means[name] == means[name].min()).sum() == 1:
            assert f"lr={lr:g}" in line and f"batch_size={batch_size}" in line


def test_a_setting_that_crashed_counts_once_it_is_trained():
    """A crashed setting is the worst until it is retrained."""
    overrides = [*THREE_STEPS, *RANGES, "optimizer=adamw", "sampler=tpe", "n=4", "study=s"]
    with crashing(lambda run: True):
        crashed = search(overrides)
    assert len(crashed.errors) == 4 and crashed.best == (BestSetting((), float("inf")),)
    with_failures = search(overrides)
    assert not with_failures.trained and with_failures.best == crashed.best
    again = search(overrides, retry_failed=True)
    assert len(again.trained) == 4 and not again.errors
    assert again.best[0].value == adamcmp.load("s").runs["val_error"].min()


def test_an_optimizer_that_does_not_decay(capsys):
    """A batch may come down to one setting; the best setting is printed as overrides for `run`."""
    overrides = [*THREE_STEPS, "optimizer=adam,adamw", "lr=tag(log,interval(1e-4,1e-1))", "seeds=1"]
    overrides += ["wd=interval(0.01,0.1)", "sampler=random", "n=3", "batch=2", "study=s"]
    assert main(["sweep", *overrides]) == 0
    assert "6 runs (6 newly trained)" in capsys.readouterr().out
    adam, adamw = (" ".join(best.overrides) for best in search(overrides).best)
    assert "wd=" not in adam and "wd=" in adamw
    assert main(["run", *THREE_STEPS, *adam.split(), "study=s"]) == 0
    assert "already exists" in capsys.readouterr().out


def test_whole_numbers_log_scales_and_pairs():
    overrides = [
        *THREE_STEPS, "batch_size=tag(log,int(interval(8,64)))", "lr,wd=1e-3:0.1,1e-2:0.01",
        "sampler=random", "n=6", "study=s",
    ]  # fmt: skip
    runs = adamcmp.sweep(overrides).runs
    assert len(runs) == 6 and runs["batch_size"].between(8, 64).all()
    assert set(zip(runs["lr"], runs["wd"], strict=True)) <= {(1e-3, 0.1), (1e-2, 0.01)}


def test_a_setting_that_diverges_is_the_worst():
    overrides = [
        *THREE_STEPS,
        "optimizer=sgd",
        "wd=0",
        "lr=tag(log,interval(1e-3,1e30))",
        "steps=20",
    ]
    overrides += ["eval.every_steps=20", "sampler=tpe", "n=8", "batch=4", "study=s"]
    runs = adamcmp.sweep(overrides).runs
    assert (runs["status"] == "diverged").any() and (runs["status"] == "done").any()
    (best,) = search(overrides).best
    done = runs[runs["status"] == "done"]
    assert best.value == pytest.approx(done["val_error"].min())
    assert best.overrides[0].startswith("lr=")


def test_dry_run_shows_a_search(capsys):
    assert main(["sweep", *OVERRIDES, "sampler=tpe", "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["runs"], planned["left"]) == (20, 20)


def test_a_dry_run_goes_through_lists(capsys):
    lists = ["sampler=tpe", "n=6", "lr=1e-3,1e-2", "wd=0.1,0.2,0.3", "--dry-run", "--json"]
    assert main(["sweep", *THREE_STEPS, *lists]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 6


def test_the_whole_search_decides_the_engine(capsys, monkeypatch):
    """The first batch of a search is usually too little work for a compilation."""
    monkeypatch.setitem(numerics.COMPILED_FROM, "cpu", 30)
    overrides = [
        *THREE_STEPS,
        "engine=auto",
        *RANGES,
        "model=mlp",
        "n=10",
        "batch=2",
        "sampler=random",
    ]
    assert main(["sweep", *overrides, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["engine"] == "compiled"

    class Enough(Exception):
        pass

    def train(config):
        assert len(config.runs) == 2 and config.numerics.engine == "compiled"
        raise Enough

    with pytest.raises(Enough):
        RangeSearch(Composer(), overrides).train_batches(train, print)


def test_a_missing_compiler_is_reported(capsys, monkeypatch):
    monkeypatch.setitem(numerics.COMPILED_FROM, "cpu", 30)
    monkeypatch.setattr(provenance, "cpp_compiler", lambda: None)
    overrides = [
        *THREE_STEPS,
        "engine=auto",
        *RANGES,
        "model=mlp",
        "n=10",
        "batch=2",
        "sampler=random",
    ]
    assert main(["sweep", *overrides, "--dry-run"]) == 0
    assert "C++ compiler on the PATH" in capsys.readouterr().out
    assert main(["sweep", *overrides]) == 0
    assert capsys.readouterr().err.count("C++ compiler on the PATH") == 1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["lr=interval(1e-3,1e-1)"], "needs sampler=random|sobol|tpe|cmaes n=64"),
        (["sampler=tpp", "n=3", *RANGES], "Did you mean 'tpe'"),
        (["sampler=tpe", *RANGES], "needs both sampler=random|sobol|tpe|cmaes and n=64"),
        (
            ["batch=8"],
            "batch= is for a search, which needs both sampler=random|sobol|tpe|cmaes and n=64",
        ),
        (["objective=val_loss", "lr=1e-3,1e-2"], "objective= is for a search"),
        (["sampler=tpe", "n=4"], "needs a range"),
        (
            ["optimizer=adam", "sampler=tpe", "n=4", "wd=interval(0,1)"],
            "optimizer.weight_decay changes no run of adam",
        ),
        (["sampler=tpe", "n=4", "lr=interval(1,0.1)"], "should be below the second"),
        (["sampler=tpe", "n=4", "lr=tag(log,interval(0,1))"], "should be above 0"),
        (["sampler=tpe", "n=4", "lr=tag(lgo,interval(1,2))"], "only tag"),
        (["sampler=tpe", "n=4", "wd=interval(-1,1)"], "wd=-1"),
        (["sampler=tpe", "n=4", "lrr=interval(1,2)"], "There is no setting 'lrr'"),
        (["sampler=tpe", "n=4", "dataset.validation=0", *RANGES], "dataset.validation"),
        (["sampler=tpe", "n=4", "objective=test_error", *RANGES], "objective=test_error"),
    ],
)
def test_bad_searches(overrides, message, capsys, results):
    assert main(["sweep", *THREE_STEPS, *overrides]) == 2
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err
    assert not results.exists()


def test_one_bar_over_the_whole_search(capsys, monkeypatch):
    """It is opened once, over all runs that do not exist yet, and ends full."""
    overrides = [
        *THREE_STEPS,
        *RANGES,
        "optimizer=adamw,sgd",
        "seeds=2",
        "batch=2",
        "sampler=random",
    ]
    search([*overrides, "n=2", "study=s"])
    bars, bar_open = [], Bar.open
    monkeypatch.setattr(Bar, "open", lambda bar: (bars.append(bar), bar_open(bar)))
    assert main(["sweep", *overrides, "n=6", "study=s"]) == 0
    (bar,) = bars
    assert (bar.progress.done, bar.progress.runs, bar.requested) == (16, 16, 24)
    captured = capsys.readouterr()
    assert (
        "24 runs, 8 of them already exist or are being trained, batch by batch, about"
        in captured.err
    )
    assert captured.err.count("about") == 1 and "24 runs (16 newly trained)" in captured.out
