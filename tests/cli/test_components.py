"""``adamcmp components``."""

import re
import subprocess
import sys
from pathlib import Path

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
