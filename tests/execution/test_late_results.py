"""Results that come too late are compared with the stored ones."""

from collections import defaultdict

import numpy as np
import pytest

from adamcmp.errors import StoreError
from adamcmp.execution.late_results import LateResults
from adamcmp.storage.store import Store
from tests.conftest import CPU
from tests.support.memory_files import MemoryFiles
from tests.support.studies import THREE_STEPS
from tests.support.training import trained

NAN = float("nan")
MEASURED = {
    "status": "done",
    "hardware": "a processor",
    "adamcmp_version": "1.0",
    "torch_version": "2.0",
    "test_loss": 0.1,
    "train_error": NAN,
}


@pytest.fixture
def row(specs):
    (spec,) = specs(["seeds=1"])
    return {**spec.columns(), **MEASURED}


@pytest.fixture
def study(tmp_path, row):
    """A study with one run, whose EMA weights have a row too."""
    store = Store(MemoryFiles(tmp_path / "s"))
    store.open_for_training(CPU, [], {})
    store.append([row, {**row, "variant": "ema", "test_loss": 0.05}], [])
    return store


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"train_error": None, "wall_time_s": 3.0},
        {"test_loss": np.float64(0.1)},
        {"run_id": "f" * 16, "test_loss": 3.0},  # not stored
        {"variant": "ema", "test_loss": 3.0},
        {"hardware": "another one", "test_loss": 3.0},
        {"torch_version": "2.1", "test_loss": 3.0},
        {"adamcmp_version": "1.1", "test_loss": 3.0},
        {"status": "failed", "test_loss": None},  # such as for lack of memory
    ],
)
def test_no_contradiction(change, study, row):
    LateResults(study).add([{**row, **change}], defaultdict(int))


@pytest.mark.parametrize(
    ("change", "differing"),
    [
        (
            {"test_loss": np.nextafter(0.1, 1)},
            "test_loss is 0.1 in the study and 0.1000000000000000",
        ),
        ({"train_error": 0.0}, "train_error is nan in the study and 0.0 in this"),
        ({"test_loss": NAN}, "test_loss is 0.1 in the study and nan in this"),
        ({"status": "diverged"}, "status is done in the study and diverged in this"),
    ],
)
def test_different_bits_of_equal_hardware(change, differing, study, row):
    with pytest.raises(StoreError, match=f"{row['run_id']} was trained by two.*{differing}"):
        LateResults(study).add([row, {**row, **change}], defaultdict(int))


def test_runs_that_are_stored_later(study, row):
    """Each is compared once it is stored."""
    late = LateResults(study)
    equal, different = {**row, "run_id": "e" * 16}, {**row, "run_id": "d" * 16}
    late.add([equal, different], defaultdict(int))
    study.append([equal], [])
    late.compare()
    study.append([{**different, "test_loss": 0.2}], [])
    with pytest.raises(StoreError, match=r"Run d+ .*test_loss is 0\.2 in the study and 0\.1 in"):
        late.compare()
    late.compare()


def test_the_same_attempt_is_compared(study, row):
    """A run that is trained again may have other results than before, such as after a failure."""
    late = LateResults(study)
    late.add([{**row, "test_loss": 0.3}], {row["run_id"]: 1})
    study.append([{**row, "test_loss": 0.2}], [], (), {row["run_id"]: 1})
    with pytest.raises(StoreError, match=r"test_loss is 0\.2 in the study and 0\.3 in this"):
        late.compare()
    late.add([{**row, "test_loss": 0.1}], {row["run_id"]: 0})  # superseded by the stored attempt


def test_a_stored_failure_is_no_contradiction(study, row):
    study.append([{**row, "status": "failed", "test_loss": None}], [])
    LateResults(study).add([row], defaultdict(int))


def test_rows_of_real_training(study, specs):
    """As they are when a group ends, and as they are stored: one of the runs diverges."""
    overrides = [*THREE_STEPS, "optimizer=sgd", "lr=0.1,1e30"]
    rows = [row for spec in specs(overrides) for row in trained(spec).runs]
    assert [row["status"] for row in rows] == ["done", "diverged"]
    study.append(rows, [])
    LateResults(study).add(rows, defaultdict(int))
    rows[1] = {**rows[1], "stopped_at_step": 2, "status": "done"}
    with pytest.raises(StoreError, match="status is diverged"):
        LateResults(study).add(rows, defaultdict(int))
