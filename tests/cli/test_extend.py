"""``adamcmp extend``."""

import json

from adamcmp.cli import main
from tests.support.studies import SMALL


def test_nothing_to_extend(capsys):
    grid = [*SMALL, "steps=3", "optimizer=sgd", "seed=0,1"]
    assert main(["sweep", *grid, "lr=0.1", "study=point"]) == 0
    assert main(["sweep", *grid, "lr=1e30,1e31", "study=diverged"]) == 0
    capsys.readouterr()
    assert main(["extend", "point"]) == 0
    assert "No optimizer's best setting is on the edge" in capsys.readouterr().out
    assert main(["extend", "point", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trained"] == 0
    assert main(["extend", "diverged"]) == 2
    assert "has no completed run to extend" in capsys.readouterr().err


def test_a_study_that_does_not_exist(capsys, results):
    assert main(["extend", "nope"]) == 2
    assert "There are no studies in" in capsys.readouterr().err and not results.exists()
