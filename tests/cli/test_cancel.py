"""``adamcmp cancel`` removes plans."""

import pytest

from adamcmp.cli import main
from adamcmp.execution.queue_files import QUEUE, list_queue
from adamcmp.storage.folder import Folder
from tests.support.commands import run
from tests.support.standing_plans import standing_plan
from tests.support.studies import SMALL

GRID = [*SMALL, "steps=2", "engine=eager", "study=s"]


@pytest.mark.parametrize(
    ("plans", "printed"),
    [
        (["seed=0,1"], "Removed plan 1 of study 's', with 2 runs not stored"),
        (["seed=0,1", "seed=2"], "Removed plans 1, 2 of study 's', with 3 runs not stored"),
    ],
)
def test_open_plans_are_removed(plans, printed, composer, capsys, results):
    for seeds in plans:
        standing_plan(composer.sweep([*GRID, seeds]), measured=False)
    assert printed in run(capsys, "cancel", "s")
    assert not Folder(results / "s").list(QUEUE)
    assert run(capsys, "cancel", "s") == "Study 's' has no open plan.\n"


@pytest.mark.parametrize("name", ["plan-000001.parquet", "jobs-000001.json", "worker-x.json"])
def test_damaged_files_do_not_prevent_it(name, composer, capsys, results):
    standing_plan(composer.sweep([*GRID, "seed=0,1"]), measured=False)
    standing_plan(composer.sweep([*GRID, "seed=2"]), measured=False)
    (results / "s" / "queue" / name).write_bytes(b'{"x":')
    assert main(["cancel", "s"]) == 0
    printed, notices = capsys.readouterr()
    runs = "" if name.startswith("plan") else ", with 3 runs not stored"
    assert f"Removed plans 1, 2 of study 's'{runs}." in printed
    expected = {"plan": "Plan 1 could not be read", "jobs": "Jobs of plan 1 were not cancelled: "}
    assert expected.get(name[:4], "") in notices and len(notices.splitlines()) == (name[0] != "w")
    assert not list_queue(Folder(results / "s")).plans
