"""Searches over ranges: Optuna's proposals are trained, and a search can be continued."""

import itertools
import json
import math
import signal

import pandas as pd
import pytest
from filelock import FileLock

import adamcmp
from adamcmp.cli import main
from adamcmp.cli.progress_bar import Bar
from adamcmp.config import Composer, SearchRange
from adamcmp.errors import AdamcmpError
from adamcmp.planning import numerics
from adamcmp.platform import provenance
from adamcmp.storage import reader
from adamcmp.workflows.proposals import Proposals, quiet
from adamcmp.workflows.search import BestSetting, RangeSearch
from adamcmp.workflows.training import TrainingOptions
from tests.support.studies import FAST

pytest.importorskip("optuna")

RANGES = ["lr=tag(log,interval(1e-4,1e-1))", "wd=interval(0,0.5)"]
WORDS = [*FAST, *RANGES, "optimizer=adamw,sgd", "seeds=2", "n=5", "batch=3"]


SAMPLERS = ["random", "sobol", "tpe", "cmaes"]


def search(overrides):
    """Run a search to its end, from wherever it is."""
    return RangeSearch(Composer(), overrides).train(TrainingOptions())


def stored_settings(study):
    """Return the settings of each cell, in the order proposed."""
    folder = adamcmp.load(study).folder / "searches"
    return {path.name: json.loads(path.read_bytes()) for path in folder.iterdir()}


def means(measure, seeds):
    runs = adamcmp.load("s").runs
    return runs[runs["seed"] < seeds].groupby(["lr", "wd"])[measure].mean()


def settings(study):
    runs = adamcmp.load(study).runs
    return {
        name: sorted(set(group[["lr", "wd", "batch_size"]].itertuples(index=False, name=None)))
        for name, group in runs.groupby("optimizer")
    }


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_each_optimizer_tries_n_settings_in_the_ranges(sampler, capsys):
    overrides = [*WORDS, f"sampler={sampler}", "batch_size=32,64", "study=s"]
    assert main(["sweep", *overrides]) == 0
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


def killed_again_and_again(commands, overrides, study, stride):
    """Kill a search at its first write, continue it, kill it at a later one, and so on to its end.

    Returns the number of settings and of runs that were stored after each kill.
    """
    states = []
    for call in itertools.count(1, stride):
        code = commands.run(*sweep(overrides, study), kill_at=call)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        cells = [json.loads(path.read_bytes()) for path in study.glob("searches/[!.]*.json")]
        states.append((sum(map(len, cells)), len(reader.part_names(study))))
    return states


def sweep(overrides, study):
    return ["sweep", *overrides, f"study={study.name}", f"results={study.parent}"]


@pytest.mark.parametrize(
    ("sampler", "batches", "stride"),
    [
        pytest.param("sobol", 2, 7, marks=pytest.mark.slow),
        *(pytest.param(name, 8, 1, marks=pytest.mark.slow) for name in SAMPLERS),
    ],
)
def test_killed_at_every_write(sampler, batches, stride, commands, results):
    """SIGKILL before each flush, rename and removal: the same proposals, bits and best."""
    overrides = [*FAST, *RANGES, "optimizer=sgd", "workers=0", "engine=eager"]
    overrides += [f"sampler={sampler}", f"n={2 * batches}", "batch=2"]
    assert commands.run(*sweep(overrides, results / "whole")) == 0
    states = killed_again_and_again(commands, overrides, results / "cut", stride)
    assert {(0, 0), (2, 0), (2, 1)} <= set(states), (
        "before it stored a batch, trained it, continued from it"
    )
    assert not list(results.glob("cut/**/.tmp-*"))
    whole, cut = (
        adamcmp.load(study).runs[["run_id", "val_error", "val_loss", "test_loss"]]
        for study in ("whole", "cut")
    )
    pd.testing.assert_frame_equal(
        *(runs.sort_values("run_id", ignore_index=True) for runs in (whole, cut)), check_exact=True
    )
    assert stored_settings("cut") == stored_settings("whole")
    best, same = (search([*overrides, f"study={study}"]) for study in ("whole", "cut"))
    assert best.best == same.best and not best.trained and not same.trained


SPACE = {
    "lr": SearchRange(1e-4, 1.0, log=True, integer=False),
    "wd": SearchRange(0.0, 1.0, log=False, integer=False),
    "size": SearchRange(8, 64, log=True, integer=True),
    "act": ["gelu", "relu", "tanh"],
}


def bowl(setting):
    return (math.log10(setting["lr"]) + 2) ** 2 + setting["wd"] + setting["size"] / 64


def proposed(path, sampler, counts, worth=bowl, batch=8):
    """Go on to each count in turn, as a new command does: all that it knows is in the file."""
    with quiet():
        for count in counts:
            own = Proposals(path, sampler, SPACE)
            own.values += [worth(setting) for setting in own.settings[:count]]
            for start in range(0, count, batch):
                fresh = own.propose(start, min(start + batch, count))
                own.values += [worth(setting) for setting in fresh]
    return own.settings


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_continued_search_proposes_the_same(sampler, tmp_path):
    """Wherever a search ended before, in the midst of a batch or at its end."""
    whole = proposed(tmp_path / "a" / "whole", sampler, [40])
    assert proposed(tmp_path / "b" / "cut", sampler, [1, 5, 8, 19, 24, 24, 33, 40]) == whole
    assert len({tuple(setting.values()) for setting in whole}) == 40
    for setting in whole:
        assert 1e-4 <= setting["lr"] <= 1 and 0 <= setting["wd"] <= 1
        assert isinstance(setting["size"], int) and 8 <= setting["size"] <= 64
        assert setting["act"] in SPACE["act"]
    # Only samplers that learn propose something else where other settings are good.
    other = proposed(tmp_path / "c" / "other", sampler, [40], lambda setting: -bowl(setting))
    assert other[:8] == whole[:8] and (other != whole) == (sampler in ("tpe", "cmaes"))


def test_values_are_read_anew(tmp_path):
    """New values of kept settings steer what is proposed next, whoever proposed those."""
    for sampler in ("tpe", "cmaes"):
        path, same = tmp_path / sampler / "a", tmp_path / sampler / "b"
        first = proposed(path, sampler, [24])
        same.write_bytes(path.read_bytes())
        more = proposed(path, sampler, [40])
        changed = proposed(same, sampler, [40], lambda setting: -bowl(setting))
        assert changed[:24] == more[:24] == first and changed[24:] != more[24:]


def test_a_greater_n_continues_the_search():
    overrides = [*FAST, *RANGES, "optimizer=adamw,sgd", "batch=2", "sampler=tpe"]
    whole = search([*overrides, "n=5", "study=whole"])
    for n, fresh in ((3, 6), (5, 4), (3, 0)):
        grown = search([*overrides, f"n={n}", "study=grown"])
        assert len(grown.trained) == fresh and len(grown.run_ids) == 2 * n
    assert stored_settings("grown") == stored_settings("whole")
    assert search([*overrides, "n=5", "study=grown"]).best == whole.best


def test_more_seeds_are_the_same_settings():
    """Their values are means over all seeds then, and more of them are tried knowing that."""
    overrides = [*FAST, *RANGES, "optimizer=adamw", "sampler=tpe", "batch=4", "study=s"]
    first = search([*overrides, "n=4", "seeds=1"])
    more = search([*overrides, "n=4", "seeds=3"])
    assert len(first.trained) == 4 and len(more.trained) == 8
    assert more.best[0].value == means("val_error", 3).min()
    again = search([*overrides, "n=4", "seeds=2"])
    assert not again.trained and again.best[0].value == means("val_error", 2).min()
    longer = search([*overrides, "n=6", "seeds=3"])
    assert len(longer.trained) == 6 and longer.best[0].value == means("val_error", 3).min()
    assert len(stored_settings("s")) == 1


@pytest.mark.parametrize(
    "word", ["steps=6", "objective=val_loss", "batch_size=16,32,64", "lr=interval(1e-3,1)",
             "sampler=random"],
)  # fmt: skip
def test_other_overrides_are_another_search(word):
    overrides = [
        *FAST,
        *RANGES,
        "batch_size=16,32",
        "optimizer=adamw",
        "sampler=tpe",
        "n=3",
        "study=s",
    ]
    search(overrides)
    other = search([*overrides, word])
    assert len(stored_settings("s")) == 2 and len(other.run_ids) == 3
    runs = adamcmp.load("s").runs
    column = "val_loss" if word.startswith("objective") else "val_error"
    asked = runs[runs["run_id"].isin(other.run_ids)]
    assert other.best[0].value == asked[column].min()


def test_the_same_overrides_in_another_form_continue_the_search():
    overrides = [*FAST, "sampler=tpe", "n=3", "study=s"]
    search([*overrides, "optimizer=adamw", "lr=1e-3,1e-2", "wd=interval(0,1)"])
    same = [*overrides, "wd=interval(0,1)", "lr=0.01,0.001", "optimizer=adamw,sgd"]
    assert len(search(same).trained) == 3 and len(stored_settings("s")) == 2


def test_a_setting_that_crashed_counts_once_it_is_trained(monkeypatch):
    """A crashed setting is the worst until it is retrained."""
    overrides = [*FAST, *RANGES, "optimizer=adamw", "sampler=tpe", "n=4", "study=s"]

    def crash(*_, **__):
        raise RuntimeError("no luck")

    with monkeypatch.context() as broken:
        broken.setattr("adamcmp.training.loop.GroupTraining.run", crash)
        crashed = search(overrides)
    assert len(crashed.errors) == 4 and crashed.best == (BestSetting((), float("inf")),)
    with_failures = search(overrides)
    assert not with_failures.trained and with_failures.best == crashed.best
    again = RangeSearch(Composer(), overrides).train(TrainingOptions(retry_failed=True))
    assert len(again.trained) == 4 and not again.errors
    assert again.best[0].value == adamcmp.load("s").runs["val_error"].min()


def test_an_optimizer_that_does_not_decay(capsys):
    """A batch may come down to one setting; the best setting is printed as overrides for `run`."""
    overrides = [*FAST, "optimizer=adam,adamw", "lr=tag(log,interval(1e-4,1e-1))", "seeds=1"]
    overrides += ["wd=interval(0.01,0.1)", "sampler=random", "n=3", "batch=2", "study=s"]
    assert main(["sweep", *overrides]) == 0
    assert "6 runs (6 newly trained)" in capsys.readouterr().out
    adam, adamw = (" ".join(best.overrides) for best in search(overrides).best)
    assert "wd=" not in adam and "wd=" in adamw
    assert main(["run", *FAST, *adam.split(), "study=s"]) == 0
    assert "already exists" in capsys.readouterr().out


def test_a_damaged_file_of_settings(capsys, results):
    overrides = [*FAST, *RANGES, "sampler=tpe", "n=2", "study=s"]
    search(overrides)
    (path,) = results.glob("s/searches/*.json")
    whole = path.read_bytes()
    for content in (whole[:-5], b"", b"[1]", b"3", whole.replace(b"optimizer.lr", b"lr"), b"\xff"):
        path.write_bytes(content)
        assert main(["sweep", *overrides]) == 2
        err = capsys.readouterr().err
        assert f"{path.name} is damaged" in err and "Traceback" not in err
    path.unlink()
    assert not search(overrides).trained and path.read_bytes() == whole


def test_whole_numbers_log_scales_and_pairs():
    overrides = [
        *FAST, "batch_size=tag(log,int(interval(8,64)))", "lr,wd=1e-3:0.1,1e-2:0.01",
        "sampler=random", "n=6", "study=s",
    ]  # fmt: skip
    runs = adamcmp.sweep(overrides).runs
    assert len(runs) == 6 and runs["batch_size"].between(8, 64).all()
    assert set(zip(runs["lr"], runs["wd"], strict=True)) <= {(1e-3, 0.1), (1e-2, 0.01)}


def test_a_setting_that_diverges_is_the_worst():
    overrides = [*FAST, "optimizer=sgd", "wd=0", "lr=tag(log,interval(1e-3,1e30))", "steps=20"]
    overrides += ["eval.every_steps=20", "sampler=tpe", "n=8", "batch=4", "study=s"]
    runs = adamcmp.sweep(overrides).runs
    assert (runs["status"] == "diverged").any() and (runs["status"] == "done").any()
    (best,) = search(overrides).best
    done = runs[runs["status"] == "done"]
    assert best.value == pytest.approx(done["val_error"].min())
    assert best.overrides[0].startswith("lr=")


def test_dry_run_shows_a_search(capsys):
    assert main(["sweep", *WORDS, "sampler=tpe", "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["runs"], planned["left"]) == (20, 20)


def test_a_dry_run_goes_through_lists(capsys):
    lists = ["sampler=tpe", "n=6", "lr=1e-3,1e-2", "wd=0.1,0.2,0.3", "--dry-run", "--json"]
    assert main(["sweep", *FAST, *lists]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 6


def test_the_whole_search_decides_the_engine(capsys, monkeypatch):
    """Its first batch alone is seldom worth a compilation."""
    monkeypatch.setitem(numerics.COMPILED_FROM, "cpu", 30)
    overrides = [*FAST, *RANGES, "model=mlp", "n=10", "batch=2", "sampler=random"]
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
    overrides = [*FAST, *RANGES, "model=mlp", "n=10", "batch=2", "sampler=random"]
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
        (["sampler=tpe", "n=4", "lr=interval(1,0.1)"], "from low to high"),
        (["sampler=tpe", "n=4", "lr=tag(log,interval(0,1))"], "numbers above 0"),
        (["sampler=tpe", "n=4", "lr=tag(lgo,interval(1,2))"], "only tag"),
        (["sampler=tpe", "n=4", "wd=interval(-1,1)"], "wd=-1"),
        (["sampler=tpe", "n=4", "lrr=interval(1,2)"], "There is no setting 'lrr'"),
        (["sampler=tpe", "n=4", "dataset.validation=0", *RANGES], "dataset.validation"),
        (["sampler=tpe", "n=4", "objective=test_error", *RANGES], "objective=test_error"),
    ],
)
def test_bad_searches(overrides, message, capsys, results):
    assert main(["sweep", *FAST, *overrides]) == 2
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err
    assert not results.exists()


def test_one_bar_over_the_whole_search(capsys, monkeypatch):
    """It is opened once, over all runs that do not exist yet, and ends full."""
    overrides = [*FAST, *RANGES, "optimizer=adamw,sgd", "seeds=2", "batch=2", "sampler=random"]
    search([*overrides, "n=2", "study=s"])
    bars, bar_open = [], Bar.open
    monkeypatch.setattr(Bar, "open", lambda bar: (bars.append(bar), bar_open(bar)))
    assert main(["sweep", *overrides, "n=6", "study=s"]) == 0
    (bar,) = bars
    assert (bar.progress.done, bar.progress.runs, bar.requested) == (16, 16, 24)
    said = capsys.readouterr()
    assert (
        "24 runs, 8 of them already exist or are being trained, batch by batch, about" in said.err
    )
    assert said.err.count("about") == 1 and "24 runs (16 newly trained)" in said.out


def test_a_study_file_holds_no_search(capsys, tmp_path, results):
    (tmp_path / "own" / "study").mkdir(parents=True)
    block = "{optimizer: adamw, lr: '1e-3,1e-2', sampler: tpe, n: 4}"
    (tmp_path / "own" / "study" / "mine.yaml").write_text(f"blocks: {{a: {block}}}")
    assert main(["study", "mine", "--config-dir", str(tmp_path / "own")]) == 2
    err = capsys.readouterr().err
    assert "block 'a' of study mine: sampler= is for `adamcmp sweep`" in err
    assert not results.exists()


def test_two_searches_of_one_study_at_once(results):
    (results / "s").mkdir(parents=True)
    with (
        FileLock(results / "s" / ".search.lock"),
        pytest.raises(AdamcmpError, match="searched by another process"),
    ):
        adamcmp.sweep([*WORDS, "sampler=tpe", "study=s"])
