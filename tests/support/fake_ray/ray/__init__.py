"""The part of Ray that adamcmp uses, with actors in this process: for tests of seconds.

Files in the folder ``$FAKE_RAY`` say what happens: ``pending``, no actor starts; ``silent``, no actor answers;
``unavailable``, Ray cannot connect to the nodes of actors; ``dead``, these are dead; ``no_cluster`` and
``other_version``, no connection.
"""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

print("(raylet) Ray prints this to stdout")
cloudpickle = SimpleNamespace(register_pickle_by_value=lambda module: None)


def _event(name):
    return Path(os.environ["FAKE_RAY"], name).exists()


class RayError(Exception):
    pass


class ActorUnavailableError(RayError):
    pass


exceptions = SimpleNamespace(RayError=RayError, ActorUnavailableError=ActorUnavailableError)


def init(address, **options):
    if _event("no_cluster"):
        raise ConnectionError("Could not find any running Ray instance.\nIt may have ended.")
    if _event("other_version"):
        raise RuntimeError(
            "Version mismatch: The cluster was started with:\n    Ray: 2.9.0\n    Python: 3.10.1\n"
            "This process on node 10.0.0.1 was started with:\n    Ray: 2.60.0\n    Python: 3.11.2\n"
        )


class _Actor:
    def __init__(self, make):
        self._make, self._made = make, None
        if not _event("pending"):
            self._made = make()

    def __getattr__(self, method):
        return SimpleNamespace(remote=lambda *arguments: _Answer(self, method, arguments))

    def call(self, method, arguments):
        if self._made is None:
            self._made = self._make()
        return getattr(self._made, method)(*arguments)


class _Answer:
    def __init__(self, actor, method, arguments):
        self.value = None
        self.later = lambda: actor.call(method, arguments)
        if method == "terminate":
            self.later()

    @property
    def ready(self):
        return not (_event("pending") or _event("silent"))


def remote(**options):
    def actor_class(cls):
        return SimpleNamespace(remote=lambda **arguments: _Actor(lambda: cls(**arguments)))

    return actor_class


def wait(answers, timeout):
    return [answer for answer in answers if answer.ready], []


def get(answer):
    if _event("dead"):
        raise RayError(
            "The actor died.\n\tclass_name: NodeWorker\nThe actor died because its node has died. Node Id: 0"
        )
    if _event("unavailable"):
        raise ActorUnavailableError("The actor is temporarily unavailable.")
    return answer.later()


def kill(actor):
    pass


def nodes():
    cpus = {4: True, 5: False, 2: True}  # and whether the node is alive
    return [{"Alive": a, "Resources": {"CPU": c, "GPU": 1.0}} for c, a in cpus.items()]


def shutdown():
    sys.stderr.write("disconnected\n")
