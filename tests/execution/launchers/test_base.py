"""The command of a worker."""

import sys

from adamcmp.execution.launchers import WorkerCommand


def test_the_command_line_of_a_worker():
    command = WorkerCommand("/results/s", 3, minutes=90.0, options=("workers=2",))
    assert command.argv == [
        *(sys.executable, "-P", "-m", "adamcmp", "worker", "s", "--results", "/results"),
        *("--plan", "3", "--minutes", "90", "workers=2"),
    ]
    assert "--minutes" not in WorkerCommand("s3://bucket/s", 3).argv
