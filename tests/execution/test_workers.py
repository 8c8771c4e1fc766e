"""How many workers train."""

from adamcmp.config import Execution
from adamcmp.execution.workers import worker_count
from adamcmp.platform import provenance
from tests.conftest import CPU


def test_a_worker_per_core_and_one_on_a_gpu():
    gpu = CPU.model_copy(update={"device": "cuda"})
    assert worker_count(Execution(), gpu) == 1  # also if device=auto chose it
    assert worker_count(Execution(), CPU) == provenance.available_cores()
    assert worker_count(Execution(workers=3), gpu) == 3
