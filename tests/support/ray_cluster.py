"""A Ray cluster of two nodes on this machine, each with its own network and host name."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.waiting import wait_until

PORT = 6399
ROOT = Path(__file__).parents[2]
#: Ray requires 75 MiB.
_STORE = "--object-store-memory=80000000"


@dataclass(frozen=True)
class Node:
    """A node of the cluster.

    Attributes:
        namespace: Its network namespace, and its host name.
        link: Its end of the link between the nodes.
        address: Its address on the link.
        log: The output of its daemons.
    """

    namespace: str
    link: str
    address: str
    log: Path
    _daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def command(self, *arguments: str) -> list[str]:
        """Return the command that runs a program on this node."""
        # With another host name, heartbeats decide whether a process of the other node is alive.
        rename = 'hostname "$0"; exec "$@"'
        renamed = ["unshare", "--uts", "sh", "-c", rename, self.namespace, *arguments]
        return ["ip", "netns", "exec", self.namespace, *renamed]

    def pids(self) -> list[int]:
        """Return the ids of all processes of this node."""
        listed = subprocess.run(
            ["ip", "netns", "pids", self.namespace], capture_output=True, text=True, check=False
        )
        return [int(pid) for pid in listed.stdout.split()]

    def signal(self, number: int) -> None:
        """Send a signal to all processes of this node."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """Kill all processes of this node, as if it was switched off."""
        while self.pids():
            self.signal(signal.SIGKILL)
        while self._daemons:
            self._daemons.pop().wait()

    def set_link(self, state: str) -> None:
        """Cut the link to the other node (``down``), or connect it again (``up``)."""
        _ip("-n", self.namespace, "link", "set", self.link, state)

    def start(self, *options: str) -> None:
        """Start the daemons of Ray, and wait until they run.

        Args:
            options: Options of ``ray start``.
        """
        with self.log.open("wb") as output:
            daemon = subprocess.Popen(
                self.command(
                    *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", _STORE),
                    *(f"--node-ip-address={self.address}", "--disable-usage-stats", *options),
                ),
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                preexec_fn=end_with_parent,
            )
        self._daemons.append(daemon)
        wait_until(lambda: b"Ray runtime started" in self.log.read_bytes(), every=0.2)


@dataclass(frozen=True)
class Cluster:
    """Two nodes.

    Attributes:
        head: The node with Ray's head; commands run here.
        other: The other one.
    """

    head: Node
    other: Node

    @property
    def address(self) -> str:
        """The address of the cluster."""
        return f"{self.head.address}:{PORT}"

    def start_other(self) -> None:
        """Have the other node join the cluster as a new one of one CPU."""
        self.other.kill()
        self.other.set_link("up")
        self.other.start(f"--address={self.address}", "--num-cpus=1")


def can_start() -> bool:
    """Return whether this machine can have network namespaces."""
    return os.geteuid() == 0 and shutil.which("ip") is not None


@contextlib.contextmanager
def two_nodes(head_cpus: int) -> Iterator[Cluster]:
    """Start the head of a cluster; remove the processes and namespaces of both nodes afterwards.

    Args:
        head_cpus: The number of CPUs that Ray uses on the head.
    """
    # Paths of sockets are limited to 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    head, other = (
        Node(
            f"adamcmp{i}-{os.getpid()}", f"ac{i}-{os.getpid()}", f"10.77.0.{i}", folder / f"{i}.log"
        )
        for i in (1, 2)
    )
    remove_stale_namespaces()
    try:
        _connect(head, other)
        temporary = f"--temp-dir={folder}"
        head.start(
            *("--head", f"--port={PORT}", "--include-dashboard=false", temporary),
            f"--num-cpus={head_cpus}",
        )
        yield Cluster(head, other)
    finally:
        for node in (other, head):
            node.kill()
            # The link is removed with its ends.
            subprocess.run(["ip", "netns", "delete", node.namespace], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def end_with_parent() -> None:
    """Let this process get SIGTERM when its parent, a test process that is killed, ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def remove_stale_namespaces() -> None:
    """Remove the namespaces of test processes that were killed."""
    for namespace in Path("/run/netns").glob("adamcmp?-*"):
        if not Path("/proc", namespace.name.rpartition("-")[2]).exists():
            subprocess.run(["ip", "netns", "delete", namespace.name], check=False)


def _connect(head: Node, other: Node) -> None:
    for node in (head, other):
        _ip("netns", "add", node.namespace)
    _ip("link", "add", head.link, "type", "veth", "peer", "name", other.link)
    for node in (head, other):
        _ip("link", "set", node.link, "netns", node.namespace)
        _ip("-n", node.namespace, "address", "add", f"{node.address}/24", "dev", node.link)
        _ip("-n", node.namespace, "link", "set", node.link, "up")
        _ip("-n", node.namespace, "link", "set", "lo", "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
