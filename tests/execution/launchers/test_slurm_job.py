"""What a job of Slurm runs, without Slurm."""

import os
import pickle
import signal
import threading

import pytest

from adamcmp.execution.launchers._slurm_job import SlurmJob
from tests.support.waiting import wait_until


def shell(script, gpus=0):
    return SlurmJob(("bash", "-c", script), gpus)


@pytest.mark.parametrize(("visible", "devices"), [("3,5", {"3", "5"}), (None, {"0", "1"})])
def test_each_gpu_of_a_job_has_a_worker(tmp_path, monkeypatch, visible, devices):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    shell("touch $CUDA_VISIBLE_DEVICES", gpus=2)()
    assert {path.name for path in tmp_path.iterdir()} == devices


def test_the_exit_code_of_a_worker_is_that_of_the_job(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with pytest.raises(SystemExit) as ended:
        shell("exit $((3 * CUDA_VISIBLE_DEVICES))", gpus=2)()
    assert ended.value.code == 3
    with pytest.raises(SystemExit) as killed:
        shell("kill -9 $$")()
    assert killed.value.code == 9


def test_a_signal_before_the_time_limit_ends_the_worker(tmp_path):
    """Slurm sends it to the worker too, which ignores it. The job then runs the same again."""
    loop = "while :; do sleep 0.05; done"
    job = shell(f"trap 'touch saved; exit 143' TERM; kill -USR2 $$; touch up; {loop}")
    again = []

    def on_signal(number, frame):
        again.append(job.checkpoint())

    def send():
        wait_until((tmp_path / "up").exists)
        os.kill(os.getpid(), signal.SIGUSR1)

    previous = signal.signal(signal.SIGUSR1, on_signal)
    thread = threading.Thread(target=send)
    try:
        thread.start()
        with pytest.raises(SystemExit) as ended:
            job()
        thread.join()
    finally:
        signal.signal(signal.SIGUSR1, previous)
    assert ended.value.code == 143 and (tmp_path / "saved").exists()
    assert [delayed.function for delayed in again] == [job]
    assert pickle.loads(pickle.dumps(job)) == job
