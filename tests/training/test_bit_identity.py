"""A run's numbers are the same bits alone, as any lane of any group, and in any order."""

import random

import pytest

from adamcmp.planning.grouping import LaneGroup, TrainTask, group_runs
from adamcmp.training.outcome import Done, Stopped
from adamcmp.training.train import train_group
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


def metrics(groups, task=None):
    """Return the metrics of all runs of some groups by run, wall time left out."""
    found = {}
    for each in groups:
        outcome = train_group(each, task=task)
        assert isinstance(outcome, Done), outcome
        for row in outcome.metrics:
            row.pop("wall_time_s")
            # Compared as text: NaN is equal to itself there, and 0.0 is not -0.0.
            found.setdefault(row["run_id"], []).append(
                {k: repr(v) for k, v in row.items()} | {"step": row["step"]}
            )
    return found


#: What is compiled by default; the others take a compilation each and are marked slow.
#: The default mlp is compiled by `test_every_width_and_way`.
COMPILED = [
    pytest.param(name, marks=() if name == "mlp-all" else pytest.mark.slow) for name in FUSED
]


#: What is run eagerly by default: on a processor lanes are fused where they are compiled.
EAGER = ("logistic", "mlp", "mlp-batchnorm")


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


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n not in EAGER)) for n in FUSED]
)
def test_fused_lanes(name, specs):
    check_lanes(name, specs, "eager")


@needs_compiler
@pytest.mark.parametrize("name", COMPILED)
def test_compiled_lanes(name, specs):
    check_lanes(name, specs, "compiled")


@needs_compiler
def test_every_width_and_way(specs, tmp_path):
    """64 compiled lanes: at four widths, shuffled, beside lanes that leave, after resumes."""
    numerics = CPU.model_copy(update={"engine": "compiled"})
    words = ["model=mlp", "lr=1e-3,1e12", "wd=0,0.03,0.1,0.2", "seed=range(8)"]
    when = ["steps=150", "eval.every_steps=40", "eval.train_examples=100"]
    planned = list(specs([*words, *when], numerics))
    assert len(planned) == 64
    wanted = metrics([LaneGroup(tuple(planned), True)])
    stay = {i for i, found in wanted.items() if max(row["step"] for row in found) == 150}
    assert 32 <= len(stay) < 64  # the others diverge, and leave the batch
    some = [*planned[:3], *planned[30:34], *planned[-4:]]
    shuffled = random.Random(0).sample(planned, len(planned))
    for lanes, width in ((some, 1), (some, 3), (planned, 8), (shuffled, 8), (shuffled, 64)):
        groups = [LaneGroup(tuple(lanes[i : i + width]), True) for i in range(0, len(lanes), width)]
        for run_id, found in metrics(groups).items():
            assert found == wanted[run_id], width
    group = LaneGroup(tuple(planned[::5]), True)
    for moments in ([64], [104], [40, 144], [64, 80, 120]):
        task = TrainTask(group, tmp_path / f"{moments}.npz", 1e9)
        for moment in moments:
            taken = [0]
            stopped = train_group(
                group,
                lambda p, t=taken: t.append(p.step),
                task,
                lambda t=taken, m=moment: t[-1] >= m,
            )
            assert isinstance(stopped, Stopped)
        for run_id, found in metrics([group], task).items():
            assert found == wanted[run_id], moments


@pytest.mark.parametrize("name", SINGLE)
def test_lanes_that_train_alone(name, specs):
    planned = specs([*SINGLE[name], "seed=0,1,2", *STEPS])
    groups = group_runs(planned, lambda alike: 8)
    assert [len(g.specs) for g in groups] == [1, 1, 1]
    last = planned[2].run_id
    after_others = rows(groups, last)
    assert rows(groups[2:], last) == after_others


def test_other_seeds_give_other_numbers(specs):
    first, second = specs(["seed=0,1", *STEPS])
    assert rows([LaneGroup((first,))], first.run_id) != rows([LaneGroup((second,))], second.run_id)
