"""``adamcmp sweep --plan-only`` and ``adamcmp worker``."""

import json
import sys

import pytest

from adamcmp.cli import main
from adamcmp.execution.queue_files import list_queue
from adamcmp.storage.folder import Folder
from tests.support.commands import run
from tests.support.standing_plans import GRID
from tests.support.training import crashing

PLAN = ["sweep", *GRID, "--plan-only"]

pytestmark = pytest.mark.usefixtures("checks_in_process")


def test_a_plan_and_its_worker(capsys, results):
    text = run(capsys, *PLAN, "seed=0,1,2")
    assert text.startswith("plan 1: 3 runs in 3 shares, ") and str(results / "s") in text
    assert "`adamcmp worker s` trains them, on any number of machines." in text
    assert run(capsys, "worker", "s", "-q") == "3 runs trained; no planned run is left.\n"
    assert run(capsys, "worker", "s") == "Study 's' has no planned run to train.\n"
    assert run(capsys, *PLAN, "seed=0,1").startswith("All runs are stored already")


def test_as_json(capsys, results):
    planned = json.loads(run(capsys, *PLAN, "seed=0,1", "--json"))
    folder = str(results / "s")
    assert planned == {"study": "s", "folder": folder, "plans": [1], "runs": 2, "shares": 2}
    assert json.loads(run(capsys, "worker", "s", "--json")) == {
        "trained": 2, "failed": 0, "left": 0, "time_over": False, "cancelled": 0,
    }  # fmt: skip
    assert json.loads(run(capsys, *PLAN, "seed=0,1", "--json"))["plans"] == []


def test_failed_runs(capsys):
    run(capsys, *PLAN, "seed=0,1")
    with crashing(lambda config: config.protocol.seed == 0):
        assert main(["worker", "s", "-q"]) == 1
    assert "2 runs trained, 1 of which failed (`adamcmp ls s status=failed`" in (
        capsys.readouterr().out
    )


def test_the_time_is_over(capsys):
    run(capsys, *PLAN, "seed=0,1")
    text = run(capsys, "worker", "s", "-q", "--minutes", "1e-9")
    assert text == (
        "0 runs trained; 2 runs left at the time limit. `adamcmp worker s` trains the rest.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["worker"], "STUDY"),
        (["worker", "other"], "There is no study 'other'"),
        (["worker", "s", "--plan", "7"], "has no open plan 7. Choose from: 1."),
        (["worker", "s", "--plan", "x"], "--plan"),
        (["worker", "s", "--minutes", "0"], "--minutes 0: should be greater than 0"),
        (["worker", "s", "--minutes", "nan"], "--minutes nan: should be greater than 0"),
        (["worker", "s", "seed=1"], "seed=1: `adamcmp worker` keeps the study's settings"),
        (["worker", "s", "executor=slurm"], "executor=slurm: a worker trains on its own machine"),
        (["cancel"], "STUDY"),
        (["cancel", "other"], "There is no study 'other'"),
        ([*PLAN, "lr=tag(log,interval(1e-3,1e-1))", "sampler=tpe"], "--plan-only needs a grid"),
        ([*PLAN, "seed=0"], "Plan 1 of study 's' has 1 run of this command, and 1 other run."),
    ],
)
def test_bad_input(arguments, message, capsys, results):
    run(capsys, *PLAN, "seed=0,1")
    before = sorted(results.rglob("*"))
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert message in err and "Traceback" not in err and out == ""
    assert sorted(results.rglob("*")) == before


def test_code_that_a_plan_names_is_not_imported(capsys, results, tmp_path):
    """Whoever writes to the study's folder could name any code of this machine."""
    (tmp_path / "planned_net.py").write_text(
        "import pathlib, torch\npathlib.Path('imported').touch()\n"
        "class Net(torch.nn.Linear):\n"
        "    def __init__(self, inputs, outputs): super().__init__(inputs[0], outputs)\n"
    )
    run(capsys, *PLAN, "model=custom", "model.target=planned_net.Net", "seed=0,1")
    (tmp_path / "imported").unlink(missing_ok=True)  # if the times were unknown
    sys.modules.pop("planned_net", None)
    assert main(["worker", "s", "-q"]) == 2
    err = capsys.readouterr().err
    assert "names code: model.target=planned_net.Net" in err and "--allow-code" in err
    assert not (tmp_path / "imported").exists()
    assert list_queue(Folder(results / "s")).plans == [1]
    text = run(capsys, "worker", "s", "-q", "--allow-code")
    sys.modules.pop("planned_net", None)
    assert text == "2 runs trained; no planned run is left.\n"
