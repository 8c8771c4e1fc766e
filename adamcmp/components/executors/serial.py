"""Training in the process of the command."""

from adamcmp.components.executors._base import ExecutorSettings


class SerialSettings(ExecutorSettings):
    """Trains in the process of the command, one group after another."""
