"""What Ray runs on a node for each worker: an actor that starts and watches its process.

Only the standard library is used. Ray sends this code to the node, so that a node without adamcmp
reports that the command is missing, rather than an error of Ray.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

#: Maximum bytes of output in one answer. Ray sends up to 100 KiB with the answer; more would stay
#: in the object store of the node, which may not be reached any more.
OUTPUT_BYTES = 64 * 1024
#: The program of the process between the actor and the worker. Ray kills the direct children of an
#: actor that ends. The worker is a grandchild: when the process between them has ended, the worker
#: gets SIGTERM, saves its checkpoints and releases its leases. Linux has such a signal; elsewhere,
#: a worker goes on after the end of its actor.
SUPERVISOR = """
import ctypes, os, signal, subprocess, sys

def end_with(parent):
    prctl = getattr(ctypes.CDLL(None), "prctl", lambda *arguments: None)
    prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(143)

end_with(int(sys.argv[1]))
this = os.getpid()
worker = subprocess.Popen(sys.argv[2:], preexec_fn=lambda: end_with(this))
signal.signal(signal.SIGTERM, lambda number, frame: worker.terminate())
code = worker.wait()
sys.exit(code if code >= 0 else 128 - code)
"""


class NodeWorker:
    """A worker process on this node. No method waits for the process.

    Args:
        argv: The command. A Python that this node does not have is replaced by that of Ray.
        environment: Variables in addition to those of this node.
        python_path: Folders to import from, before those of this node.
        directory: The working directory, if this node has it.
    """

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        python_path: Sequence[str],
        directory: str,
    ) -> None:
        python = argv[0] if os.access(argv[0], os.X_OK) else sys.executable
        inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        paths = [path for path in (*python_path, *inherited) if path]
        variables = {**os.environ, **environment, "PYTHONPATH": os.pathsep.join(paths)}
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the actor exists
        self._process = subprocess.Popen(
            [python, "-c", SUPERVISOR, str(os.getpid()), python, *argv[1:]],
            env=variables,
            cwd=directory if Path(directory).is_dir() else None,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def poll(self, offset: int) -> tuple[str, int | None, bytes]:
        """Return the node's name, the exit code of the process (None: it runs) and its output.

        Args:
            offset: Number of bytes of the output that are known already.
        """
        code = self._process.poll()  # before the output, which is complete if the process has ended
        output = os.pread(self._output.fileno(), OUTPUT_BYTES, offset)
        return socket.gethostname(), code, output

    def terminate(self) -> None:
        """Ask the process to save its checkpoints and to end."""
        self._process.terminate()
