"""``adamcmp components``."""

import re
import subprocess
import sys
from pathlib import Path

from adamcmp.config import Composer
from adamcmp.planning.rule_costs import RuleCost
from tests.support.commands import run
from tests.support.studies import THREE_STEPS


def test_components_lists_every_yaml(capsys):
    out = run(capsys, "components")
    assert out == run(capsys, "parts")
    import adamcmp.configs

    groups = dict(re.findall(r"^(\w+)=.*\n((?: .*\n)+)", out, re.MULTILINE))
    files = Path(adamcmp.configs.__file__).parent.glob("*/[!_]*.yaml")
    for file in (file for file in files if file.parent.name != "study"):
        lines = groups[file.parent.name].splitlines()
        (line,) = [x for x in lines if x.split()[:1] == [file.stem]]
        assert len(line.split(None, 1)[1]) > 10, f"{file} needs a first line that says what it is"


def test_one_group(capsys):
    lines = run(capsys, "components", "logger").splitlines()
    assert [line.split()[0] for line in lines] == [
        *("logger=", "mlflow", "none", "tensorboard", "wandb")
    ]


def test_a_closed_pipe_is_no_error(capsys):
    run(capsys, "run", *THREE_STEPS)
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m adamcmp parts | head -1"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == "" and done.stdout == "dataset=\n"


def test_costs_of_all_rules(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("adamcmp.planning.rule_costs.cache_folder", lambda: tmp_path)
    cost = RuleCost(1234.5, 5.0, 2.0, 3.0)
    monkeypatch.setattr("adamcmp.training.rule_cost.measure_cost", lambda rule: cost)
    header, _, *lines = run(capsys, "components", "optimizer", "--cost").splitlines()
    assert header.split("  ")[0] == "optimizer" and "MLP (µs)" in header
    rows = [line.split() for line in lines if line[:1].islower() and "1,234" in line]
    assert {row[0] for row in rows} == set(Composer().options("optimizer")) - {"torch"}
    assert all(row[1:] == ["1,234", "5", "2.00", "3.00"] for row in rows)
