"""A run's numbers are the same bits alone, as any lane of any group, and in any order."""

import pytest

from adamcmp.grouping import LaneGroup, group
from adamcmp.training import train_group
from adamcmp.types import Done
from tests.conftest import CPU, needs_compiler

#: Every model that fuses, with widths, batch sizes and options that are odd on purpose.
FUSED = {
    "logistic": ["model=logistic", "batch_size=31"],
    "mlp": ["model=mlp", "model.width=17", "model.depth=3", "batch_size=13"],
    "mlp-default": ["model=mlp"],
    "mlp-all": [
        "model=mlp", "model.width=33", "model.residual=true", "model.dropout=0.3",
        "model.norm=layer", "batch_size=29", "grad_clip=0.5", "loss.label_smoothing=0.1",
    ],
    "mlp-batchnorm": ["model=mlp", "model.norm=batch", "model.width=19", "batch_size=7"],
    "mlp-images": ["dataset=digits", "model=mlp", "dataset.flip=true", "dataset.crop=1", "batch_size=11"],
    "mlp-bf16": ["model=mlp", "model.width=21", "batch_size=9"],
    "vit": [
        "model=vit", "model.width=12", "model.heads=3", "model.depth=2", "model.mlp_width=20",
        "model.patch=5", "model.dropout=0.1", "batch_size=5",
    ],
    "regression": ["dataset=teacher", "dataset.task=regression", "loss=mse", "dataset.outputs=3"],
}  # fmt: skip

SINGLE = {
    "cnn1d": ["model=cnn1d", "batch_size=9"],
    "cnn": ["dataset=digits", "model=cnn", "batch_size=9", "model.dropout=0.2"],
    "resnet": [
        "dataset=digits",
        "model=resnet",
        "model.depth=8",
        "model.norm=batch",
        "batch_size=9",
    ],
    "gru": ["model=gru", "batch_size=9", "subset=200"],
    "torch": ["model=mlp", "optimizer=torch", "optimizer.target=torch.optim.RAdam"],
}

#: 32 lanes that differ in every number.
LANES = ["lr=1e-3,3e-3", "wd=0,0.03,0.1,0.2", "seed=range(4)"]
STEPS = ["steps=7", "eval.every_steps=7", "eval.train_examples=100"]


def rows(groups, of):
    """Return the metrics of one run, wall time left out."""
    for each in groups:
        outcome = train_group(each)
        assert isinstance(outcome, Done), outcome
        found = [row for row in outcome.metrics if row["run_id"] == of]
        if found:
            return [{k: v for k, v in row.items() if k != "wall_time_s"} for row in found]
    raise AssertionError(of)


#: What is compiled by default; the others take a compilation each and are marked slow.
COMPILED = [
    pytest.param(name, marks=() if name in ("mlp-default", "mlp-all") else pytest.mark.slow)
    for name in FUSED
]


def check_lanes(name, specs, engine):
    """One lane of 32: alone, in the middle of all, in a group of 3, in reverse order."""
    dtype = "bf16" if "bf16" in name else "float32"
    numerics = CPU.model_copy(update={"dtype": dtype, "engine": engine})
    planned = specs([*FUSED[name], *LANES, *STEPS], numerics)
    assert len(planned) == 32
    lane = planned[16]
    alone = rows([LaneGroup((lane,), True)], lane.run_id)
    assert len(alone) == 2
    for lanes in (planned, reversed(planned), planned[15:18]):
        assert rows([LaneGroup(tuple(lanes), True)], lane.run_id) == alone


@pytest.mark.parametrize("name", FUSED)
def test_fused_lanes(name, specs):
    check_lanes(name, specs, "eager")


@needs_compiler
@pytest.mark.parametrize("name", COMPILED)
def test_compiled_lanes(name, specs):
    check_lanes(name, specs, "compiled")


@pytest.mark.parametrize("name", SINGLE)
def test_lanes_that_train_alone(name, specs):
    planned = specs([*SINGLE[name], "seed=0,1,2", *STEPS])
    groups = group(planned, lambda alike: 8)
    assert [len(g.specs) for g in groups] == [1, 1, 1]
    last = planned[2].run_id
    after_others = rows(groups, last)
    assert rows(groups[2:], last) == after_others


def test_other_seeds_give_other_numbers(specs):
    first, second = specs(["seed=0,1", *STEPS])
    assert rows([LaneGroup((first,))], first.run_id) != rows([LaneGroup((second,))], second.run_id)
