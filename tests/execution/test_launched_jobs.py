"""The record of a plan's jobs."""

import pytest

from adamcmp.components.executors.slurm import SlurmSettings
from adamcmp.errors import StoreError
from adamcmp.execution import launched_jobs
from adamcmp.execution.launched_jobs import LaunchedJobs, record_jobs, remove_job_record
from adamcmp.execution.launchers.slurm import SlurmLauncher
from adamcmp.execution.queue_files import jobs_file, list_queue, remove_plan
from adamcmp.storage.folder import Folder

CLUSTER = SlurmSettings(name="slurm", partition="gpu", setup=("module load cuda",))


def test_later_commands_find_the_jobs_of_a_plan(tmp_path):
    files = Folder(tmp_path)
    assert launched_jobs.launched_jobs(files, 3) is None
    record_jobs(files, 3, CLUSTER, ["7_0", "7_1"])
    assert launched_jobs.launched_jobs(files, 3) == LaunchedJobs(CLUSTER, ("7_0", "7_1"))
    assert list_queue(files).plans == []
    remove_job_record(files, 3)
    assert launched_jobs.launched_jobs(files, 3) is None


@pytest.mark.parametrize(
    "content",
    [
        b'{"x":',
        b"{}",
        b'{"executor": {}, "jobs": []}',
        b'{"executor": {"name": "later"}, "jobs": ["7"]}',
        b'{"executor": {"name": "slurm", "later": 1}, "jobs": ["7"]}',
        b'{"executor": {"name": "serial"}, "jobs": ["7"]}',
        b'{"executor": {"name": "slurm"}, "jobs": 7}',
    ],
)
def test_a_damaged_record(tmp_path, content):
    files = Folder(tmp_path)
    files.create(jobs_file(3), content)
    with pytest.raises(StoreError, match=r"jobs-000003\.json"):
        launched_jobs.launched_jobs(files, 3)


def test_a_plan_is_removed_with_the_record(tmp_path):
    files = Folder(tmp_path)
    record_jobs(files, 3, CLUSTER, ["7"])
    remove_plan(files, 3)
    assert launched_jobs.launched_jobs(files, 3) is None


def test_files_of_jobs_are_in_the_study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    launcher = launched_jobs.study_launcher(Folder(tmp_path / "s"), CLUSTER)
    assert isinstance(launcher, SlurmLauncher) and launcher.settings == CLUSTER
    assert launcher.log_paths(["7_0"]) == {"7_0": tmp_path / "s" / "jobs" / "7_0_0_log.out"}
