"""Workers on a Ray cluster. Tests without the mark `slow` use `tests/support/fake_ray` in its place."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from adamcmp.components.executors.ray import RaySettings
from adamcmp.errors import ConfigError
from adamcmp.execution.launchers import ClusterError, WorkerCommand
from adamcmp.execution.launchers._ray_environment import driver_environment, worker_environment
from adamcmp.execution.launchers.ray import RayLauncher
from tests.support.required import require
from tests.support.waiting import wait_until

#: Prints what it inherited, then waits for SIGTERM.
WORKER = """
import json, os, signal, sys, time
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
print(json.dumps({"pid": os.getpid(), "directory": os.getcwd(), "path": sys.path,
                  "variables": dict(os.environ)}), flush=True)
open("started", "w").close()
while not stop: time.sleep(0.01)
print("checkpoints are saved")
open("saved", "w").close()
sys.exit(143)
"""


@dataclass(frozen=True)
class Script(WorkerCommand):
    """A worker that runs some code."""

    code: str = WORKER

    @property
    def argv(self) -> list[str]:
        return [sys.executable, "-c", self.code]


def workers_at(address, **settings):
    return RayLauncher(RaySettings(name="ray", address=address, **settings), Path("logs"))


@pytest.fixture
def connected(fake_ray):
    """Return a launcher with some settings; it is closed after the test."""
    launchers = []

    def connect(**settings):
        launchers.append(workers_at("auto", **settings))
        return launchers[-1]

    yield connect
    for launcher in launchers:
        launcher.close()


@pytest.fixture
def launcher(connected):
    return connected()


def start(launcher, *, code=WORKER, workers=1):
    return launcher.start(Script("/study", 1, code=code), workers)


def states(launcher, jobs):
    return {state.status for state in launcher.states(jobs).values()}


def await_status(launcher, jobs, status):
    wait_until(lambda: states(launcher, jobs) == {status}, seconds=30)


def log(launcher, job):
    return launcher.log_paths([job])[job].read_text()


def process_of(launcher, job):
    await_status(launcher, [job], "running")
    wait_until(lambda: states(launcher, [job]) and launcher.log_paths([job])[job].stat().st_size)
    return json.loads(log(launcher, job).splitlines()[0])


def test_workers_inherit_what_the_command_has(launcher, monkeypatch):
    monkeypatch.setenv("ADAMCMP_CACHE", "/shared/cache")
    (job,) = start(launcher)
    process = process_of(launcher, job)
    assert process["directory"] == str(Path.cwd())
    assert process["variables"]["ADAMCMP_CACHE"] == "/shared/cache"
    assert any(path.endswith("tests/support/fake_ray") for path in process["path"])


def test_cancelled_workers_save_checkpoints(launcher):
    first, second = start(launcher, workers=2)
    process_of(launcher, first), process_of(launcher, second)
    launcher.cancel([first])
    await_status(launcher, [first], "ended")
    assert "exit code 143 on " in launcher.states([first])[first].detail
    assert log(launcher, first).endswith("checkpoints are saved\n")
    assert states(launcher, [second]) == {"running"}


def test_a_worker_that_ends(launcher):
    (job,) = start(launcher, code="print('x' * 200_000); raise SystemExit(2)")
    await_status(launcher, [job], "ended")
    assert "exit code 2" in launcher.states([job])[job].detail
    assert log(launcher, job) == "x" * 200_000 + "\n"


def test_workers_end_with_the_command(launcher):
    jobs = start(launcher)
    process_of(launcher, jobs[0])
    launcher.close()
    assert Path("saved").exists()
    assert launcher.states(jobs)[jobs[0]].status == "ended"


def test_a_command_that_ends_before_it_asks_for_states(launcher):
    jobs = start(launcher)
    wait_until(Path("started").exists, seconds=30)
    launcher.close()
    assert Path("saved").exists()
    assert log(launcher, jobs[0]).endswith("checkpoints are saved\n")


#: Starts a worker and prints the id of its process.
COMMAND = """
import sys
from pathlib import Path
from tests.execution.launchers import test_ray
launcher = test_ray.workers_at("auto")
process = test_ray.process_of(launcher, test_ray.start(launcher)[0])
print(process["pid"], flush=True)
sys.stdin.read()
"""


def test_workers_end_with_a_killed_command(fake_ray):
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout.readline().strip().isdigit()
    process.kill()
    process.communicate()
    wait_until(Path("saved").exists, seconds=30)


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals the end of a parent")
def test_workers_end_with_a_killed_actor(launcher):
    jobs = start(launcher)
    actor = parent(parent(process_of(launcher, jobs[0])["pid"]))
    os.kill(actor, signal.SIGKILL)  # the process that is connected to the cluster, too
    wait_until(Path("saved").exists, seconds=30)
    assert "the connection to the Ray cluster ended" in launcher.states(jobs)[jobs[0]].detail
    # A replacement is started with a new connection.
    await_status(launcher, start(launcher), "running")


@pytest.mark.parametrize("event", ["silent", "unavailable"])
def test_a_silent_node_has_ended_after_the_deadline(connected, fake_ray, event):
    launcher = connected(deadline=0.5)
    jobs = start(launcher)
    process_of(launcher, jobs[0])
    (fake_ray / event).touch()
    assert states(launcher, jobs) == {"running"}
    await_status(launcher, jobs, "ended")
    assert "has not answered for " in launcher.states(jobs)[jobs[0]].detail
    (fake_ray / event).unlink()  # a node that answers again remains ended
    assert states(launcher, jobs) == {"ended"}


def test_a_dead_node_is_named_in_one_line(launcher, fake_ray):
    jobs = start(launcher)
    process_of(launcher, jobs[0])
    (fake_ray / "dead").touch()
    assert states(launcher, jobs) == {"ended"}
    state = launcher.states(jobs)[jobs[0]]
    assert state.detail.endswith(": its node has died") and state.lost


def test_a_worker_that_waits_for_resources(connected, fake_ray):
    launcher = connected(deadline=0.001)
    (fake_ray / "pending").touch()
    jobs = start(launcher, workers=2)
    assert states(launcher, jobs) == {"pending"}
    launcher.cancel(jobs[:1])
    assert [state.status for state in launcher.states(jobs).values()] == ["ended", "pending"]
    (fake_ray / "pending").unlink()
    await_status(launcher, jobs[1:], "running")


def test_no_node_has_the_resources_of_a_worker(fake_ray):
    """The fake cluster has nodes of 4 and 2 CPUs with a GPU each, and a dead one of 5 CPUs."""
    launcher = workers_at("auto", num_cpus=4, num_gpus=1.0)
    launcher.check()
    launcher.close()
    with pytest.raises(ConfigError, match="no node of the cluster has 5 CPUs and 0 GPUs"):
        workers_at("auto", num_cpus=5).check()


def test_jobs_of_another_command_have_ended(launcher):
    detail = "the command that started it has ended"
    assert launcher.states(["f00-1"])["f00-1"].detail == detail
    start(launcher)
    assert launcher.states(["f00-1"])["f00-1"].status == "ended"


def test_credentials_are_not_sent_to_nodes(monkeypatch):
    """What the actor gets is stored by Ray; a node has its own credentials."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    monkeypatch.setenv("ADAMCMP_RESULTS", "/shared")
    sent = worker_environment()
    assert sent["environment"]["ADAMCMP_RESULTS"] == "/shared" and "a-secret" not in str(sent)


def test_a_local_cluster_has_a_token(monkeypatch):
    """A random one, which is not written into the user's home; other clusters keep their mode."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    first, second = (driver_environment("local") for _ in range(2))
    assert first["RAY_AUTH_MODE"] == "token" and len(first["RAY_AUTH_TOKEN"]) == 64
    assert first["RAY_AUTH_TOKEN"] != second["RAY_AUTH_TOKEN"]
    assert driver_environment("10.0.0.1:6379")["RAY_AUTH_MODE"] == "disabled"


def test_what_ray_prints_does_not_reach_stdout(launcher, capfd):
    await_status(launcher, start(launcher), "running")
    assert capfd.readouterr() == ("", "")


def closed_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("cluster", "should be local, auto or HOST:PORT"),
        ("ray://10.0.0.1:10001", "should be local, auto or HOST:PORT"),
        ("10.0.0.1:99999", "should be local, auto or HOST:PORT"),
        ("127.0.0.1:PORT", "no Ray cluster answers there"),
        ("host.invalid:6379", "no Ray cluster answers there"),
    ],
)
def test_addresses_that_are_wrong(fake_ray, tmp_path, address, expected):
    address = address.replace("PORT", str(closed_port()))
    with pytest.raises(ConfigError, match=expected) as error:
        workers_at(address).check()
    assert f"executor.address={address}: " in str(error.value)
    assert len(str(error.value).splitlines()) == 1 and not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("no_cluster", "no Ray cluster runs on this machine. Start one with"),
        ("other_version", "Version mismatch: The cluster was started with: Ray: 2.9.0"),
    ],
)
def test_clusters_that_refuse(fake_ray, tmp_path, event, expected):
    (fake_ray / event).touch()
    with pytest.raises(ClusterError) as error:
        workers_at("auto").check()
    assert f"executor.address=auto: {expected}" in str(error.value)
    assert len(str(error.value).splitlines()) == 1 and not (tmp_path / "logs").exists()


def test_the_address_in_the_environment(fake_ray, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    named = r"executor.address=auto \(\$RAY_ADDRESS=127.0.0.1:1\): no Ray cluster answers there"
    with pytest.raises(ConfigError, match=named):
        workers_at("auto").check()
    launcher = workers_at("local")  # it is not used
    launcher.check()
    launcher.close()


def test_without_the_package(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'adamcmp\[ray\]'"):
        workers_at("local").check()


def processes_of(home):
    """Return the command lines of the processes with a home folder, by process id."""
    commands = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"HOME={home}" in (process / "environ").read_text(errors="replace").split("\0"):
                commands[int(process.name)] = (process / "cmdline").read_text(errors="replace")
    return {pid: command for pid, command in commands.items() if command}


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["", "actor", "connection"])
def test_a_cluster_on_this_machine(tmp_path, monkeypatch, killed):
    """It leaves nothing, however the command ends; the user's home is not touched."""
    require(find_spec("ray") is not None, "Ray is not installed: pip install 'adamcmp[ray]'.")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-s3cret")
    launcher = workers_at("local")
    launcher.check()
    jobs = start(launcher)
    process = process_of(launcher, jobs[0])
    assert process["directory"] == str(Path.cwd())
    assert process["variables"]["AWS_SECRET_ACCESS_KEY"] == "a-s3cret"  # for a study in a bucket
    (folder,) = set(re.findall(r"/tmp/adamcmp-ray-\w+", str(processes_of(home))))
    files = [file for file in Path(folder).rglob("*") if file.is_file()]
    assert files and [str(file) for file in files if b"a-s3cret" in file.read_bytes()] == []
    if killed == "connection":
        (pid,) = (pid for pid, command in processes_of(home).items() if "_ray_driver" in command)
        os.kill(pid, signal.SIGKILL)
        assert "connection to the Ray cluster ended" in launcher.states(jobs)[jobs[0]].detail
    elif killed == "actor":
        os.kill(parent(parent(process["pid"])), signal.SIGKILL)
        await_status(launcher, jobs, "ended")
        assert launcher.states(jobs)[jobs[0]].detail.endswith(": its worker process has died")
    launcher.close()
    wait_until(Path("saved").exists, seconds=30)
    wait_until(lambda: not processes_of(home), seconds=30)
    assert list(home.iterdir()) == [] and not Path(folder).exists()
