"""A Slurm cluster of one machine: munged, slurmctld and slurmd, on the loopback interface.

The daemons belong to a process of their own, which ends them when no test process uses them any
more. So several processes of pytest-xdist share a cluster, and a test process that is killed leaves
none behind.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock

from tests.support.waiting import wait_until

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
#: Cores of the machine, as Slurm has it: tests that run at once should not wait for each other.
CORES = 8
#: Seconds between two looks for test processes.
POLL_SECONDS = 0.5
ROOT = Path(__file__).parents[2]
CONFIGURATION = """\
ClusterName=adamcmp
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.sock
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
MpiDefault=none
ReturnToService=2
KillWait=5
MinJobAge=3600
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
{accounting}
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=1000 Feature=loopback State=UNKNOWN
PartitionName=debug Nodes={host} Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes={host} MaxTime=2 State=UP
PartitionName=down Nodes={host} MaxTime=INFINITE State=DOWN
"""
NO_ACCOUNTING = "AccountingStorageType=accounting_storage/none"


def missing_programs() -> str:
    """Return why a cluster cannot be started here; empty if it can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"There is no {missing[0]}: apt-get install slurm-wlm munge."
    return "" if os.getuid() == 0 else "A Slurm cluster for tests is started as root."


def environment(folder: Path) -> dict[str, str]:
    """Return the variables with which programs use the cluster of a folder."""
    return {"SLURM_CONF": str(folder / "slurm.conf")}


def join(folder: Path) -> None:
    """Use the cluster of a folder in this process; start it if no process has."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "users").mkdir(exist_ok=True)
    with FileLock(folder / ".lock"):
        (folder / "users" / str(os.getpid())).touch()
        if not (folder / "ready").exists():
            if (folder / "slurm.conf").exists():  # an earlier cluster is ending
                wait_until((folder / "ended").exists, seconds=60)
                (folder / "ended").unlink()
            with (folder / "cluster.log").open("ab") as log:
                # Not subprocess.Popen, which would wait for its child when this process ends.
                os.posix_spawn(
                    sys.executable,
                    [sys.executable, "-m", "tests.support.slurm_cluster", str(folder)],
                    os.environ | {"PYTHONPATH": str(ROOT)},
                    file_actions=[(os.POSIX_SPAWN_DUP2, log.fileno(), fd) for fd in (1, 2)],
                    setsid=True,
                )
            wait_until((folder / "ready").exists, seconds=60)


def leave(folder: Path) -> None:
    """Stop using the cluster in this process; wait for its end if no other process uses it."""
    (folder / "users" / str(os.getpid())).unlink(missing_ok=True)
    # pytest may remove the folder as soon as the tests have ended.
    wait_until(lambda: (folder / "ended").exists() or _users(folder), seconds=60)


def serve(folder: Path) -> None:
    """Run a cluster while test processes use it."""
    daemons = start_daemons(folder)
    try:
        wait_until(lambda: node_is_idle(folder), seconds=50, every=0.1)
        (folder / "ready").touch()
        while True:
            time.sleep(POLL_SECONDS)
            with FileLock(folder / ".lock"):
                if not _users(folder):
                    (folder / "ready").unlink()
                    return
    finally:
        end_jobs(folder)
        stop_daemons(daemons)
        (folder / "ended").touch()


def end_jobs(folder: Path) -> None:
    """End all jobs, which would outlive the daemons; give up after half a minute."""

    def output(*command: str) -> bytes:
        variables = os.environ | environment(folder)
        return subprocess.run(command, env=variables, capture_output=True, timeout=30).stdout

    with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
        output("scancel", "--user=root")
        wait_until(lambda: not output("squeue", "--noheader"), 30, 0.2)


def start_soon(job: str) -> None:
    """Start a job that was queued again, which Slurm does two minutes later.

    A machine refuses a job that begins in the second in which its former process was ended.
    """
    subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now+3"], check=True)


def start_daemons(folder: Path, accounting: str = NO_ACCOUNTING) -> list[subprocess.Popen[bytes]]:
    """Write the configuration of a cluster and start its daemons.

    Args:
        folder: A folder for all of its files.
        accounting: Lines of the configuration about accounting.
    """
    start_munge = not (folder / "munge.sock").exists()
    for name in ("state", "spool"):
        (folder / name).mkdir(exist_ok=True)
    controller_port, node_port = free_ports(2)
    text = CONFIGURATION.format(
        folder=folder,
        host=host(),
        controller_port=controller_port,
        node_port=node_port,
        cores=CORES,
        accounting=accounting,
    )
    (folder / "slurm.conf").write_text(text)
    daemons = [start_munged(folder)] if start_munge else []
    for program in (["slurmctld", "-D", "-c"], ["slurmd", "-D"]):
        daemons.append(start_daemon(folder, *program))
    return daemons


def start_munged(folder: Path) -> subprocess.Popen[bytes]:
    """Start the daemon that authenticates the others."""
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(1024))
    files = {"key-file": key} | {
        f"{name}-file": folder / f"munge.{name}" for name in ("log", "pid", "seed")
    }
    options = [f"--{name}={file}" for name, file in files.items()]
    socket_option = f"--socket={folder / 'munge.sock'}"
    daemon = start_daemon(folder, "munged", "--foreground", "--force", socket_option, *options)
    wait_until((folder / "munge.sock").exists, seconds=20)
    return daemon


def start_daemon(folder: Path, *command: str) -> subprocess.Popen[bytes]:
    """Start a daemon of a cluster, with its output in a file."""
    with (folder / f"{command[0]}.out").open("ab") as output:
        return subprocess.Popen(
            command,
            env=os.environ | environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def stop_daemons(daemons: list[subprocess.Popen[bytes]]) -> None:
    """End daemons, the last one first."""
    for daemon in reversed(daemons):
        daemon.terminate()
        try:
            daemon.wait(20)
        except subprocess.TimeoutExpired:
            daemon.kill()


def host() -> str:
    """Return the name of this machine as Slurm has it."""
    return socket.gethostname().partition(".")[0]


def free_ports(count: int) -> list[int]:
    """Return ports that no program listens to."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def node_is_idle(folder: Path) -> bool:
    """Return whether the machine of a cluster takes jobs."""
    done = subprocess.run(
        ["sinfo", "--noheader", "--format=%T"],
        env=os.environ | environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    return "idle" in done.stdout


def _users(folder: Path) -> list[Path]:
    """Return the records of the processes that use a cluster, without those that have ended."""
    users = list((folder / "users").iterdir())
    for user in users:
        if not Path(f"/proc/{user.name}").exists():
            user.unlink(missing_ok=True)
    return [user for user in users if user.exists()]


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit())
    serve(Path(sys.argv[1]))
