"""What only a GPU can show; every test here is skipped where torch finds none."""

import json

import pytest
import torch

import adamcmp
from adamcmp.cli import main
from adamcmp.grouping import LaneGroup, Task
from adamcmp.training import lanes, train_group
from adamcmp.types import Stopped
from tests.conftest import CPU
from tests.test_bit_identity import FUSED, SINGLE, metrics

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA GPU")

GPU = CPU.model_copy(update={"device": "cuda"})
#: Relative difference after 20 steps that lanes may have in a group of another width.
TOLERANCE = 1e-3
LANES = ["lr=1e-3,3e-3", "wd=0,0.1", "seed=range(4)", "steps=20", "eval.every_steps=20"]


def losses(groups):
    return {run: float(rows[-1]["train_loss"]) for run, rows in metrics(groups).items()}


@pytest.mark.parametrize("name", [*FUSED, *SINGLE])
def test_alone_and_fused(name, specs):
    """A lane alone beside fused ones in another order, and beside the same run on a CPU."""
    words = [*(FUSED | SINGLE)[name], *LANES, "eval.train_examples=100"]
    near = 0.05 if "bf16" in name else TOLERANCE
    numerics = GPU.model_copy(update={"dtype": "bf16" if "bf16" in name else "float32"})
    planned = specs(words, numerics)
    alone = losses([LaneGroup((spec,), name in FUSED) for spec in planned])
    if name in FUSED:
        fused = losses([LaneGroup(tuple(reversed(planned)), True)])
        assert fused == pytest.approx(alone, rel=near)
    processor = numerics.model_copy(update={"device": "cpu"})
    here = losses([LaneGroup((specs(words, processor)[0],), False)])
    assert alone[planned[0].run_id] == pytest.approx(*here.values(), rel=near)


def test_replayed_steps_have_the_bits_of_launched_ones(specs, monkeypatch):
    words = ["model=mlp", "model.dropout=0.2", "lr=1e-3,1e12", "seed=range(8)", "steps=200"]
    group = LaneGroup(tuple(specs([*words, "eval.every_steps=50"], GPU)), True)
    replayed = metrics([group])
    monkeypatch.setattr(lanes, "Replayed", lambda way, staying: way)
    assert metrics([group]) == replayed


def test_the_same_again_and_resumed(specs, tmp_path):
    planned = specs(["model=mlp", "seed=range(8)", "steps=300", "eval.every_steps=100"], GPU)
    group = LaneGroup(tuple(planned), True)
    whole = metrics([group])
    assert metrics([group]) == whole
    task, taken = Task(group, tmp_path / "c.npz", 1e9), []
    stopped = train_group(group, lambda p: taken.append(p.step), task, lambda: taken[-1:] > [120])
    assert isinstance(stopped, Stopped)
    assert metrics([group], task) == whole


def test_a_sweep_takes_the_gpu_by_itself(results, capsys):
    words = ["sweep", "seed=range(4)", "lr=1e-3,1e-2", "steps=100", "study=s", "--json"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["done"] == 8
    runs = adamcmp.load("s", results).runs
    assert set(runs["device"]) == {"cuda"} and set(runs["engine"]) == {"eager"}
    assert set(runs["hardware"]) == {torch.cuda.get_device_name()}
