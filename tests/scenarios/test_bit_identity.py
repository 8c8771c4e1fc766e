"""A run has the same bits by itself, as any lane of any group, and in any order."""

import random

import pytest

from adamcmp.planning.grouping import LaneGroup, group_runs
from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.training.outcome import Stopped
from adamcmp.training.train import train_group
from tests.conftest import CPU, needs_compiler
from tests.support.training import FUSED, SINGLE, FusedGroup, metrics, rows

#: 32 lanes that differ in every number.
LANES = ["lr=1e-3,3e-3", "wd=0,0.03,0.1,0.2", "seed=range(4)"]
STEPS = ["steps=7", "eval.every_steps=7", "eval.train_examples=100"]


#: Models whose eager lanes are tested by default. Outside of tests, eager lanes are fused only on a
#: GPU.
EAGER = ("logistic", "mlp", "mlp-batchnorm")


def check_lanes(name, specs, engine):
    """Compare a lane by itself with the same lane among 32, in reverse order, and among 3."""
    dtype = "bf16" if "bf16" in name else "float32"
    numerics = CPU.model_copy(update={"dtype": dtype, "engine": engine})
    planned = specs([*FUSED[name], *LANES, *STEPS], numerics)
    assert len(planned) == 32
    lane = planned[16]
    single = rows([FusedGroup((lane,))], lane.run_id)
    assert len(single) == 2
    for lanes in (planned, reversed(planned), planned[15:18]):
        assert rows([FusedGroup(tuple(lanes))], lane.run_id) == single


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n not in EAGER)) for n in FUSED]
)
def test_fused_lanes(name, specs):
    check_lanes(name, specs, "eager")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n not in EAGER)) for n in FUSED]
)
def test_traced_lanes(name, specs):
    check_lanes(name, specs, "traced")


@pytest.mark.slow  # each model compiles its steps
@needs_compiler
@pytest.mark.parametrize("name", FUSED)
def test_compiled_lanes(name, specs):
    check_lanes(name, specs, "compiled")


@needs_compiler
@pytest.mark.parametrize(
    "model",
    [
        pytest.param(["model=logistic"], id="logistic", marks=pytest.mark.slow),
        pytest.param(["model=mlp"], id="mlp", marks=pytest.mark.slow),
    ],
)
def test_compiled_lanes_of_any_width_and_after_resumes(model, specs, tmp_path):
    """64 lanes: at four widths, shuffled, next to lanes that diverge, after resumes."""
    numerics = CPU.model_copy(update={"engine": "compiled"})
    overrides = [*model, "lr=1e-3,1e12", "wd=0,0.03,0.1,0.2", "seed=range(8)"]
    evaluations = ["steps=150", "eval.every_steps=40", "eval.train_examples=100"]
    planned = list(specs([*overrides, *evaluations], numerics))
    assert len(planned) == 64
    expected = metrics([FusedGroup(tuple(planned))])
    finished = {i for i, values in expected.items() if max(row["step"] for row in values) == 150}
    assert 32 <= len(finished) < 64  # the others diverge and are removed
    some = [*planned[:3], *planned[30:34], *planned[-4:]]
    shuffled = random.Random(0).sample(planned, len(planned))
    for lanes, width in ((some, 1), (some, 3), (planned, 8), (shuffled, 8), (shuffled, 64)):
        groups = [FusedGroup(tuple(lanes[i : i + width])) for i in range(0, len(lanes), width)]
        for run_id, values in metrics(groups).items():
            assert values == expected[run_id], width
    group = FusedGroup(tuple(planned[::5]))
    for stops in ([64], [104], [40, 104], [64, 80, 120]):
        checkpointing = Checkpointing(tmp_path / f"{stops}.npz", 1e9)
        for stop in stops:
            taken = [0]
            outcome = train_group(
                group,
                lambda p, t=taken: t.append(p.step),
                checkpointing,
                lambda t=taken, m=stop: t[-1] >= m,
            )
            assert isinstance(outcome, Stopped)
        for run_id, values in metrics([group], checkpointing).items():
            assert values == expected[run_id], stops


@pytest.mark.parametrize("name", SINGLE)
def test_lanes_that_are_not_fused(name, specs):
    planned = specs([*SINGLE[name], "seed=0,1,2", *STEPS])
    groups = group_runs(planned, lambda specs: 8)
    assert [len(g.specs) for g in groups] == [1, 1, 1]
    last = planned[2].run_id
    after_others = rows(groups, last)
    assert rows(groups[2:], last) == after_others


def test_other_seeds_give_other_numbers(specs):
    first, second = specs(["seed=0,1", *STEPS])
    assert rows([LaneGroup((first,))], first.run_id) != rows([LaneGroup((second,))], second.run_id)
