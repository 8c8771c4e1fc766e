"""The same study has the same bits wherever it is trained and stored."""

from importlib.util import find_spec

import pytest

import adamcmp
from adamcmp.platform.addresses import address
from adamcmp.storage import reader
from adamcmp.storage.locations import files_at
from adamcmp.storage.parts import list_parts, row_indexes
from tests.support.frame_bits import different_bits
from tests.support.processes import start_command
from tests.support.required import require
from tests.support.s3_server import BUCKET
from tests.support.studies import SMALL
from tests.support.study_bits import NOT_NUMBERS, assert_same_bits

pytestmark = pytest.mark.slow

#: 30 runs of two kinds.
RUNS = [
    *(*SMALL, "model=mlp,logistic", "optimizer=adamw,adam_l2,sgd", "seed=range(5)"),
    *("steps=60", "eval.every_steps=20", "engine=traced", "threads=1"),
]


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    """The study trained in this process."""
    root = tmp_path_factory.mktemp("serial")
    adamcmp.sweep([*RUNS, f"results={root}", "study=s", "executor=serial"])
    return root / "s"


def run(*arguments):
    """Run commands at once; each must succeed."""
    processes = [start_command(*each) for each in arguments]
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), outputs


def sweep(*settings):
    run(["sweep", *RUNS, "study=s", "--quiet", *settings])


def test_worker_processes(serial, results):
    sweep("executor=pool", "workers=2")
    assert_same_bits(results / "s", serial)


def test_a_bucket(serial, s3):
    """Two workers, and the checkpoints of both, in a bucket."""
    root = f"s3://{BUCKET}/studies"
    sweep(f"results={root}", "--plan-only")
    run(["worker", "s", "--results", root, "workers=1"], ["worker", "s", "--results", root])
    study = address(f"{root}/s")
    for actual, expected in zip(tables(study), tables(serial), strict=True):
        assert different_bits(expected, actual) == []
    files = files_at(study)  # reading leaves out rows that are stored twice
    rows = sum(map(len, row_indexes(files, list_parts(files)).values()))
    assert rows == len(tables(serial)[0])


def tables(study):
    """Return the tables of a study in a folder or a bucket, sorted, without times."""
    runs, metrics = reader.load(study)
    outcomes = ["run_id", "split", "metric"]
    return (
        runs.drop(columns=NOT_NUMBERS).sort_values("run_id", ignore_index=True),
        metrics.drop(columns="wall_time_s").sort_values(["run_id", "step"], ignore_index=True),
        reader.load_examples(study).sort_values(outcomes, ignore_index=True),
    )


def test_two_workers(serial, results):
    """In two terminals, of a plan that another command wrote."""
    sweep("--plan-only")
    run(["worker", "s", "workers=1"], ["worker", "s", "executor=serial"])
    assert_same_bits(results / "s", serial)


def test_slurm(serial, results, slurm):
    sweep("executor=slurm", "executor.jobs=2", "executor.timeout_min=5")
    assert_same_bits(results / "s", serial)


def test_ray(serial, results):
    require(find_spec("ray") is not None, "Ray is not installed: pip install 'adamcmp[ray]'.")
    sweep("executor=ray", "executor.address=local", "executor.jobs=2")
    assert_same_bits(results / "s", serial)
