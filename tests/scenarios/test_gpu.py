"""Training on a GPU. Every test is skipped when torch finds none."""

import json

import pytest
import torch

import adamcmp
from adamcmp.cli import main
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.numerics import COMPILED_FROM
from adamcmp.platform.provenance import compiler_available
from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.storage.outcomes import decode
from adamcmp.training.outcome import Stopped
from adamcmp.training.step import config
from adamcmp.training.train import train_group
from tests.conftest import CPU
from tests.support.training import FUSED, SINGLE, metrics, trained

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA GPU")

GPU = CPU.model_copy(update={"device": "cuda"})
COMPILED = GPU.model_copy(update={"engine": "compiled"})
#: Relative difference of a lane's loss after 20 steps between groups of different widths. Batch norm
#: over nine examples amplifies differences in the last bits.
TOLERANCE, RESNET_TOLERANCE, BF16_TOLERANCE = 1e-3, 2e-2, 5e-2
LANES = ["lr=1e-3,3e-3", "wd=0,0.1", "seed=range(4)", "steps=20", "eval.every_steps=20"]

needs_compiler = pytest.mark.skipif(not compiler_available("cuda"), reason="no compiler for a GPU")


def losses(groups):
    return {run: float(rows[-1]["train_loss"]) for run, rows in metrics(groups).items()}


def check_against_the_processor(overrides, specs, numerics):
    """Compare single lanes with fused ones in another order, and one of them with the CPU's."""
    planned = specs([*overrides, *LANES, "eval.train_examples=100"], numerics)
    tolerance = RESNET_TOLERANCE if "model=resnet" in overrides else TOLERANCE
    tolerance = BF16_TOLERANCE if numerics.dtype == "bf16" else tolerance
    single = losses([LaneGroup((spec,)) for spec in planned])
    if planned[0].fuses:
        assert losses([LaneGroup(tuple(reversed(planned)))]) == pytest.approx(single, rel=tolerance)
    processor = numerics.model_copy(update={"device": "cpu", "engine": "eager"})
    on_cpu = losses(
        [LaneGroup((specs([*overrides, *LANES, "eval.train_examples=100"], processor)[0],))]
    )
    assert single[planned[0].run_id] == pytest.approx(*on_cpu.values(), rel=tolerance)


@pytest.mark.parametrize("name", [*FUSED, *SINGLE])
def test_single_and_fused_lanes(name, specs):
    dtype = "bf16" if "bf16" in name else "float32"
    check_against_the_processor(
        (FUSED | SINGLE)[name], specs, GPU.model_copy(update={"dtype": dtype})
    )


@needs_compiler
@pytest.mark.parametrize("name", FUSED)
def test_compiled_single_and_fused_lanes(name, specs):
    dtype = "bf16" if "bf16" in name else "float32"
    check_against_the_processor(FUSED[name], specs, COMPILED.model_copy(update={"dtype": dtype}))


@pytest.mark.parametrize("numerics", [GPU, pytest.param(COMPILED, marks=needs_compiler)])
def test_replayed_steps_have_the_bits_of_launched_ones(numerics, specs, monkeypatch):
    overrides = ["model=mlp", "model.dropout=0.2", "lr=1e-3,1e12", "seed=range(8)", "steps=200"]
    group = LaneGroup(tuple(specs([*overrides, "eval.every_steps=50"], numerics)))
    replayed = metrics([group])
    monkeypatch.setattr(config.StepConfig, "replays", False)
    assert metrics([group]) == replayed


@pytest.mark.parametrize("numerics", [GPU, pytest.param(COMPILED, marks=needs_compiler)])
def test_the_mean_of_the_outcomes_is_the_error_of_a_run(numerics, specs):
    outcome = trained(LaneGroup(tuple(specs(["seed=range(8)", "steps=20"], numerics))))
    errors = {row["run_id"]: row["test_error"] for row in outcome.runs}
    rows = [r for r in outcome.examples if (r["split"], r["metric"]) == ("test", "error")]
    assert len(rows) == 8
    for row in rows:
        wrong = decode(row["outcomes"], "error", row["stored"])
        assert wrong.mean() == pytest.approx(errors[row["run_id"]], abs=1e-12)


@pytest.mark.parametrize("numerics", [GPU, pytest.param(COMPILED, marks=needs_compiler)])
def test_training_is_reproducible_and_resumable(numerics, specs, tmp_path):
    planned = specs(["model=mlp", "seed=range(8)", "steps=300", "eval.every_steps=100"], numerics)
    group = LaneGroup(tuple(planned))
    whole = metrics([group])
    assert metrics([group]) == whole
    checkpointing, taken = Checkpointing(tmp_path / "c.npz", 1e9), []
    stopped = train_group(
        group, lambda p: taken.append(p.step), checkpointing, lambda: taken[-1:] > [120]
    )
    assert isinstance(stopped, Stopped)
    assert metrics([group], checkpointing) == whole


@pytest.mark.parametrize("engine", ["eager", pytest.param("compiled", marks=needs_compiler)])
def test_a_sweep_uses_the_gpu_by_default(engine, results, capsys, monkeypatch):
    monkeypatch.setitem(COMPILED_FROM, "cuda", 800 if engine == "compiled" else 801)
    overrides = ["sweep", "seed=range(4)", "lr=1e-3,1e-2", "steps=100", "study=s", "--json"]
    assert main(overrides) == 0
    assert json.loads(capsys.readouterr().out)["done"] == 8
    runs = adamcmp.load("s", results).runs
    assert set(runs["device"]) == {"cuda"} and set(runs["engine"]) == {engine}
    assert set(runs["hardware"]) == {torch.cuda.get_device_name()}
