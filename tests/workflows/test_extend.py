"""Cells beyond the edges of a study's grids."""

import json

import pytest

import adamcmp
from adamcmp.analysis import RunTable, audit, edges
from adamcmp.cli import main
from adamcmp.errors import ConfigError
from tests.support.studies import SMALL


def test_an_extension_trains_what_a_wider_grid_would_hold(quick_reports, capsys):
    """Budgets stay in epochs: a sweep of the wider grid has nothing left to train."""
    grid = [*SMALL, "epochs=2", "optimizer=adamw", "seed=0,1", "study=e"]
    assert main(["sweep", *grid, "lr=1e-3,1e-2", "wd=0.1"]) == 0
    capsys.readouterr()
    assert main(["extend", "e", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trained"] == 2
    lrs = sorted(set(adamcmp.load("e").runs["lr"]))
    assert main(["sweep", *grid, f"lr={','.join(map(str, lrs))}", "wd=0.1", "--json"]) == 0
    assert len(lrs) == 3 and json.loads(capsys.readouterr().out)["trained"] == 0
    assert adamcmp.load("e").runs["epochs"].tolist() == [2] * 6
    assert main(["report", "e"]) == 0


def test_extend_adds_the_next_cells(capsys):
    grid = ["optimizer=adamw", "lr=1e-5,1e-4", "wd=0.1,0.2", "seed=0,1", "study=e"]
    assert main(["sweep", *SMALL, "steps=30", "eval.every_steps=30", *grid]) == 0
    before = adamcmp.load("e").runs
    capsys.readouterr()
    actual = edges(RunTable.from_frames(before))
    assert any(edge.axis == "lr" for edge in actual)
    assert main(["extend", "e", "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert main(["extend", "e", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["trained"] == planned["left"] > 0
    after = adamcmp.load("e").runs
    new = after[~after["run_id"].isin(before["run_id"])]
    assert set(new["seed"]) == {0, 1}
    for edge in actual:
        assert edge.beyond in set(new[edge.axis])
    lr, wd = (next((e.beyond for e in actual if e.axis == a), None) for a in ("lr", "wd"))
    corner = new[(new["lr"] == lr) & (new["wd"] == wd)]
    assert len(corner) == (2 if lr and wd else 0)
    assert len(new) == 4 * (lr is not None) + 4 * (wd is not None) + len(corner)


def test_more_seeds_of_the_best_settings(capsys):
    """Each optimizer gets the same seeds, which took no part in the selection."""
    grid = [*SMALL, "steps=5", "eval.every_steps=5", "optimizer=sgd,adamw", "wd=0.1", "study=e"]
    assert main(["sweep", *grid, "lr=1e-3,1e-2", "seeds=2"]) == 0
    best = RunTable.from_frames(adamcmp.load("e").runs).selected()
    capsys.readouterr()
    assert main(["extend", "e", "seeds=5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trained"] == 10
    runs = adamcmp.load("e").runs
    added = runs[runs["seed"] > 1]
    assert added.groupby("optimizer")["seed"].unique().map(sorted).tolist() == [[2, 3, 4, 5, 6]] * 2
    settings = ["optimizer", "lr"]
    assert set(map(tuple, added[settings].values)) == set(map(tuple, best[settings].values))
    findings = audit(RunTable.from_frames(runs))
    assert "few seeds" not in [finding.kind for finding in findings]
    assert adamcmp.extend("e", ["seeds=5"]).trained == 0


def test_seeds_of_single_settings_are_completed():
    adamcmp.sweep([*SMALL, "steps=3", "optimizer=sgd,adamw", "lr=0.1", "seeds=2", "study=e"])
    assert adamcmp.extend("e", ["seeds=3"]).trained == 2
    assert sorted(set(adamcmp.load("e").runs["seed"])) == [0, 1, 2]


@pytest.mark.parametrize(
    ("override", "message"),
    [("lr=1", "accepts only seeds=, executor="), ("seeds=0", "a whole number of at least 1")],
)
def test_other_overrides(override, message):
    adamcmp.run([*SMALL, "steps=3", "study=e"])
    with pytest.raises(ConfigError, match=message):
        adamcmp.extend("e", [override])
