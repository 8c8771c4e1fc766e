"""The output of the jobs of a study."""

import pytest

from adamcmp.errors import ConfigError, NotFound
from adamcmp.storage.store import Store
from adamcmp.workflows.logs import job_outputs
from tests.conftest import CPU


@pytest.fixture
def jobs(results):
    """The folder with the output of jobs."""
    Store(results / "s").open_for_training(CPU, [], {})
    (results / "s" / "jobs").mkdir()
    return results / "s" / "jobs"


def test_bytes_that_are_no_text_are_shown(jobs, results):
    (jobs / "7_0_log.out").write_bytes(b"one\n\xff\nthree\n")
    assert job_outputs(results, "s", 2) == {jobs / "7_0_log.out": ["\ufffd", "three"]}


def test_a_study_without_output(jobs, results):
    assert job_outputs(results, "s", 10) == {}


def test_bad_arguments(jobs, results):
    with pytest.raises(ConfigError, match="--lines 0: should be at least 1"):
        job_outputs(results, "s", 0)
    with pytest.raises(NotFound):
        job_outputs(results, "t", 1)
