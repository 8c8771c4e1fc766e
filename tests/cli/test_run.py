"""``adamcmp run``."""

import json
import shlex

import pytest

from adamcmp.cli import main
from adamcmp.config import Composer
from tests.support.commands import listed, run
from tests.support.studies import THREE_STEPS


def test_prints_a_short_table(capsys):
    out = run(capsys, "run", "optimizer=adamw", "wd=0.01", "steps=3")
    assert "adamw on mnist1d, mlp: lr 0.01, wd 0.01, seed 0, 3 steps (0.107 epochs)\n" in out
    assert all(word in out for word in ("train", "val", "test", "gap", "loss", "error"))
    assert "files in " in out and len(out.splitlines()) == 10
    assert max(map(len, out.splitlines()[:7])) <= 80


def test_the_table_shows_chance_level_and_best_evaluation(capsys):
    overrides = ["dataset=teacher", "epochs=4", "lr=0.1"]
    row = json.loads(run(capsys, "run", "--json", *overrides))
    lines = [line.split("  ") for line in run(capsys, "run", *overrides).splitlines()]
    table = {line[0]: [cell.strip() for cell in line[1:] if cell] for line in lines}
    splits = ("train", "val", "test")
    assert "(4 epochs)" in lines[1][0]
    assert table["chance error"] == [*(f"{row[f'chance_{s}_error']:.4f}" for s in splits), "-"]
    (best,) = (title for title in table if title.startswith("best error (epoch "))
    assert table[best][:3] == [f"{row[f'best_{s}_error']:.4f}" for s in splits]
    epoch = float(best.split()[-1].rstrip(")"))
    assert epoch == pytest.approx(row["best_step"] / row["steps"] * 4, rel=0.01)


def test_regression_has_a_chance_level_of_the_loss(capsys):
    overrides = ["dataset=teacher", "dataset.task=regression", "loss=mse", "steps=2"]
    out = run(capsys, "run", *overrides)
    assert "chance loss" in out and "error" not in out


def test_the_last_line_is_a_sweep_that_composes(capsys):
    out = run(capsys, "run", "optimizer=sgd", "lr=0.1", "optimizer.nesterov=true", "steps=2")
    program, command, *overrides = shlex.split(out.splitlines()[-1])
    assert (program, command) == ("adamcmp", "sweep")
    study = Composer().sweep(overrides)
    assert {run.optimizer.name for run in study.runs} == {"sgd", "sgdw"}
    assert f"in {len(study.runs)} runs:" in out and study.location.study == "first"


def test_an_existing_run_is_shown_and_not_trained(capsys, results):
    first = json.loads(run(capsys, "run", "--json", *THREE_STEPS))
    part = next((results / "scratch" / "runs").iterdir())
    again = json.loads(run(capsys, "run", "--json", *THREE_STEPS))
    assert (first["trained"], again["trained"]) == (True, False)
    assert {**again, "trained": True} == first
    assert [part] == list((results / "scratch" / "runs").iterdir())
    assert "already exists (--force retrains it)" in run(capsys, "run", *THREE_STEPS)


def test_force_replaces(capsys, results):
    first = json.loads(run(capsys, "run", "--json", *THREE_STEPS))
    forced = json.loads(run(capsys, "run", "--json", "--force", *THREE_STEPS))
    assert forced["trained"] and forced["train_loss"] == first["train_loss"]
    (row,) = listed(capsys, "scratch")
    assert row.split()[0] == first["run_id"]


def test_stdout_has_only_the_json(capfd):
    """Also of what libraries write to the file descriptor."""
    assert json.loads(run(capfd, "run", "--json", *THREE_STEPS))["status"] == "done"


def test_flags_before_between_and_after(capsys):
    for overrides in (
        ["--json", *THREE_STEPS, "seed=1"],
        [*THREE_STEPS, "--json", "seed=1"],
        [*THREE_STEPS, "seed=1", "--json"],
    ):
        assert json.loads(run(capsys, "run", *overrides))["seed"] == 1


def test_multirun_is_sweep(capsys):
    out = run(capsys, "run", "seed=0,1", "-m", *THREE_STEPS)
    assert "2 runs (2 newly trained): 2 done" in out


def test_short_keys_work_for_every_optimizer(capsys):
    for optimizer in ("sgd", "sgdw", "adam_l2", "amsgradw"):
        overrides = [f"optimizer={optimizer}", "lr=0.02", "wd=0.003", "seed=4", "batch_size=50"]
        row = json.loads(
            run(capsys, "run", "--json", *overrides, "study=s", "device=cpu", *THREE_STEPS)
        )
        assert (row["lr"], row["wd"], row["seed"], row["batch_size"]) == (0.02, 0.003, 4, 50)
        assert row["optimizer.lr"] == 0.02 and row["study"] == "s"


def test_delete_and_add(capsys):
    row = json.loads(run(capsys, "run", "--json", "~optimizer.betas", *THREE_STEPS))
    assert row["optimizer.betas"] == [0.9, 0.999]
    overrides = [
        "optimizer=torch",
        "optimizer.target=torch.optim.NAdam",
        "+optimizer.momentum_decay=0.1",
    ]
    row = json.loads(run(capsys, "run", "--json", *overrides, *THREE_STEPS))
    assert json.loads(row["optimizer.arguments"]) == {"momentum_decay": 0.1}


def test_a_crash_exits_1_and_is_recorded(capsys, tmp_path):
    (tmp_path / "badnet.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Linear):\n"
        "    def __init__(self): super().__init__(20, 10)\n"
        "    def forward(self, x):\n"
        "        if len(x) > 2: raise RuntimeError('out of luck')\n"
        "        return super().forward(x)\n"
    )
    overrides = ["model=custom", "model.target=badnet.Net", *THREE_STEPS]
    assert main(["run", *overrides]) == 1
    err = capsys.readouterr().err
    assert "The run crashed: RuntimeError: out of luck (`adamcmp show" in err
    shown = run(capsys, "show", err.partition("show ")[2].partition("`")[0])
    assert "Traceback" in shown and "badnet.py" in shown
    assert main(["sweep", "seed=0,1", "study=scratch", *overrides]) == 1
    assert "2 failed" in capsys.readouterr().out
    assert all("failed" in row for row in listed(capsys, "scratch"))


def test_a_diverged_run_is_a_result(capsys):
    out = run(capsys, "run", "optimizer=sgd", "lr=1e30", *THREE_STEPS)
    assert "diverged after" in out
    json.loads(run(capsys, "run", "optimizer=sgd", "lr=1e30", "--json", *THREE_STEPS))
