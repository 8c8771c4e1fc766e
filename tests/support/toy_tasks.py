"""Small task functions for executors, and a function that collects their results."""

import os
import signal
import time

from adamcmp.errors import ConfigError, WorkerUnusable
from tests.support.waiting import wait_until


def echo(argument, report, should_stop):
    """Report the numbers below the argument; return it."""
    for number in range(argument):
        report(number)
    return argument


def refuse(argument, report, should_stop):
    """Raise an error of adamcmp."""
    raise ConfigError("not this one")


def leave_unusable(argument, report, should_stop):
    """Return the argument, and leave the process unusable."""
    raise WorkerUnusable(argument)


def wait_for_stop(argument, report, should_stop):
    """Run until asked to stop."""
    report("started")
    wait_until(should_stop)
    return "stopped"


def die(argument, report, should_stop):
    """Kill the process."""
    print("printed before the end")
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def results_of(executor, count, on_progress=lambda handle, message: None):
    """Poll until so many results have arrived; return their values by handle."""
    values = {}

    def arrived():
        values.update({r.handle: r.value for r in executor.poll(on_progress)})
        return len(values) >= count

    wait_until(arrived)
    return values


def refused_with_a_password(argument, report, should_stop):
    """Return the error of a tracker whose server is not reached."""
    return "OSError: no answer from https://user:s3cret@host:80/api"
