"""The command of a worker."""

import sys

from adamcmp.execution.launchers import WorkerCommand


def test_the_command_line_of_a_worker():
    command = WorkerCommand("/results/s", 3, options=("workers=2",))
    assert command.argv == [
        *(sys.executable, "-P", "-m", "adamcmp", "worker", "s", "--results", "/results"),
        *("--plan", "3", "workers=2"),
    ]
    argv = WorkerCommand("s3://bucket/folder/s", 3).argv
    assert argv[5:8] == ["s", "--results", "s3://bucket/folder"]
