"""Searches that are continued: after a kill, or with another number of settings or seeds."""

import itertools
import json
import signal

import pytest
from filelock import FileLock

import adamcmp
from adamcmp.cli import main
from adamcmp.errors import AdamcmpError
from adamcmp.storage import reader
from tests.support.frame_bits import different_bits
from tests.support.required import require_package
from tests.support.searches import OVERRIDES, RANGES, SAMPLERS, search, stored_settings
from tests.support.studies import THREE_STEPS

require_package("optuna")


def means(measure, seeds):
    runs = adamcmp.load("s").runs
    return runs[runs["seed"] < seeds].groupby(["lr", "wd"])[measure].mean()


def states_after_kills(commands, overrides, study, stride):
    """Kill a search at a write, continue it and kill it at a later write, until it ends.

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
    overrides = [*THREE_STEPS, *RANGES, "optimizer=sgd", "workers=0", "engine=eager"]
    overrides += [f"sampler={sampler}", f"n={2 * batches}", "batch=2"]
    assert commands.run(*sweep(overrides, results / "whole")) == 0
    states = states_after_kills(commands, overrides, results / "cut", stride)
    assert {(0, 0), (2, 0), (2, 1)} <= set(states), (
        "before it stored a batch, trained it, continued from it"
    )
    assert not list(results.glob("cut/**/.tmp-*"))
    whole, cut = (
        adamcmp.load(study).runs[["run_id", "val_error", "val_loss", "test_loss"]]
        for study in ("whole", "cut")
    )
    tables = (runs.sort_values("run_id", ignore_index=True) for runs in (whole, cut))
    assert different_bits(*tables) == []
    assert stored_settings("cut") == stored_settings("whole")
    best, same = (search([*overrides, f"study={study}"]) for study in ("whole", "cut"))
    assert best.best == same.best and not best.trained and not same.trained


def test_a_greater_n_continues_the_search():
    overrides = [*THREE_STEPS, *RANGES, "optimizer=adamw,sgd", "batch=2", "sampler=tpe"]
    whole = search([*overrides, "n=5", "study=whole"])
    for n, new in ((3, 6), (5, 4), (3, 0)):
        grown = search([*overrides, f"n={n}", "study=grown"])
        assert len(grown.trained) == new and len(grown.run_ids) == 2 * n
    assert stored_settings("grown") == stored_settings("whole")
    assert search([*overrides, "n=5", "study=grown"]).best == whole.best


def test_more_seeds_are_the_same_settings():
    """Their values are means over all seeds then, and more of them are tried knowing that."""
    overrides = [*THREE_STEPS, *RANGES, "optimizer=adamw", "sampler=tpe", "batch=4", "study=s"]
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
        *THREE_STEPS,
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
    searched = runs[runs["run_id"].isin(other.run_ids)]
    assert other.best[0].value == searched[column].min()


def test_the_same_overrides_in_another_form_continue_the_search():
    overrides = [*THREE_STEPS, "sampler=tpe", "n=3", "study=s"]
    search([*overrides, "optimizer=adamw", "lr=1e-3,1e-2", "wd=interval(0,1)"])
    same = [*overrides, "wd=interval(0,1)", "lr=0.01,0.001", "optimizer=adamw,sgd"]
    assert len(search(same).trained) == 3 and len(stored_settings("s")) == 2


def test_a_damaged_file_of_settings(capsys, results):
    overrides = [*THREE_STEPS, *RANGES, "sampler=tpe", "n=2", "study=s"]
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


def test_two_searches_of_one_study_at_once(results):
    (results / "s").mkdir(parents=True)
    with (
        FileLock(results / "s" / ".search.lock"),
        pytest.raises(AdamcmpError, match="searched by another process"),
    ):
        adamcmp.sweep([*OVERRIDES, "sampler=tpe", "study=s"])
