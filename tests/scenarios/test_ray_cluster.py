"""A sweep on a Ray cluster of two nodes, of which one is killed, frozen or cut off."""

import json
import signal
import subprocess
import sys
from importlib.util import find_spec

import pytest

import adamcmp
from adamcmp.storage import reader
from tests.support import ray_cluster
from tests.support.processes import environment
from tests.support.required import require
from tests.support.studies import SMALL
from tests.support.study_bits import assert_same_bits
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

#: 24 runs in 8 groups or more.
RUNS = [
    *(*SMALL, "model=mlp", "optimizer=adamw,sgd", "model.width=8,12,16,24", "seed=range(3)"),
    *("steps=2000", "eval.every_steps=1000", "engine=traced", "threads=1"),
]


@pytest.fixture(scope="module")
def cluster():
    require(find_spec("ray") is not None, "Ray is not installed: pip install 'adamcmp[ray]'.")
    require(ray_cluster.can_start(), "Network namespaces need root and the command ip (iproute2).")
    with ray_cluster.two_nodes(head_cpus=2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    """The study trained in this process."""
    root = tmp_path_factory.mktemp("serial")
    adamcmp.sweep([*RUNS, f"results={root}", "study=s", "executor=serial"])
    return root / "s"


def start_sweep(cluster, results):
    settings = [f"executor.address={cluster.address}", "executor.deadline=5", "executor.jobs=2"]
    return subprocess.Popen(
        cluster.head.command(
            *(sys.executable, "-m", "adamcmp", "sweep", *RUNS, f"results={results}", "study=s"),
            *("executor=ray", *settings, "lease_seconds=5", "checkpoint_every=0.5", "--json"),
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def training_processes(study):
    """Return the ids of the processes that hold leases of the study."""
    workers = (study / "queue").glob("worker-*.json")
    statuses = (json.loads(path.read_text())["status"] for path in workers)
    return [status["pid"] for status in statuses if status["runs"]]


def await_both_nodes(cluster, study, process):
    """Wait until workers of both nodes train."""

    def both():
        assert process.poll() is None, process.communicate()
        pids = training_processes(study)
        return len(set(pids) & set(cluster.other.pids())) and len(pids) > 1

    wait_until(both, seconds=120, every=0.1)


def finish(process):
    """Wait for the end of a sweep; check its output, which is JSON only."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert json.loads(out)["done"] == 24
    return err


@pytest.mark.parametrize("event", ["killed", "frozen", "cut off"])
def test_a_node_is_lost(cluster, serial, results, event):
    cluster.start_other()
    process = start_sweep(cluster, results)
    await_both_nodes(cluster, results / "s", process)
    workers = set(training_processes(results / "s")) & set(cluster.other.pids())
    if event == "killed":
        cluster.other.kill()
    elif event == "frozen":
        cluster.other.signal(signal.SIGSTOP)
    else:
        cluster.other.set_link("down")
    finish(process)
    check(results, serial)
    if event == "frozen":
        assert workers <= set(cluster.other.pids())
        cluster.other.signal(signal.SIGCONT)
        wait_until(lambda: not workers & set(cluster.other.pids()), seconds=60)
        check(results, serial)


def check(results, serial):
    """Check that all runs are stored once, with the bits of the serial study."""
    queue = results / "s" / "queue"
    assert [*queue.glob("plan-*"), *queue.glob("lease-*")] == []
    # The last files of a worker that was killed, or woke up after the plan had ended.
    for left in queue.iterdir():
        left.unlink()
    # The next command removes a checkpoint that a worker saved at its end.
    adamcmp.sweep([*RUNS, f"results={results}", "study=s", "executor=serial"])
    assert len(reader.load(results / "s")[0]) == 24
    assert_same_bits(results / "s", serial)
