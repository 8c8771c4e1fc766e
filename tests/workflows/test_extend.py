"""Cells beyond the edges of a study's grids."""

import json

import adamcmp
from adamcmp.analysis import RunTable, edges
from adamcmp.cli import main
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
