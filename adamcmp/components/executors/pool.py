"""Training in worker processes."""

from adamcmp.components.executors._base import ExecutorSettings


class PoolSettings(ExecutorSettings):
    """Trains in ``workers=`` processes on the machine of the command."""
