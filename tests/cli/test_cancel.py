"""``adamcmp cancel`` removes plans."""

import pytest

from adamcmp.execution.queue_files import QUEUE
from adamcmp.storage.folder import Folder
from tests.support.commands import run
from tests.support.standing_plans import standing_plan
from tests.support.studies import SMALL

GRID = [*SMALL, "steps=2", "engine=eager", "study=s"]


@pytest.mark.parametrize(
    ("plans", "printed"),
    [
        (["seed=0,1"], "Removed plan 1 of study 's'; 2 runs were not trained.\n"),
        (["seed=0,1", "seed=2"], "Removed plans 1, 2 of study 's'; 3 runs were not trained.\n"),
    ],
)
def test_open_plans_are_removed(plans, printed, composer, capsys, results):
    for seeds in plans:
        standing_plan(composer.sweep([*GRID, seeds]), measured=False)
    assert run(capsys, "cancel", "s") == printed
    assert not Folder(results / "s").list(QUEUE)
    assert run(capsys, "cancel", "s") == "Study 's' has no open plan.\n"
