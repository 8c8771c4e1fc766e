"""Kinds of runs: what the lanes of a group must share."""

import json

import pytest

from adamcmp.planning.grouping import group_runs
from adamcmp.planning.run_kinds import run_kinds_by_key
from tests.conftest import CPU


def test_runs_of_one_kind_are_those_of_equal_structure(specs):
    overrides = [
        "optimizer=adamw,sgd",
        "lr=1,2",
        "grad_clip=null,1,2",
        "seeds=2",
        "model.width=8,16",
    ]
    planned = specs([*overrides, "wd=0,1", "steps=3,4"])
    run_kinds = {}
    for spec in planned:
        protocol = spec.config.protocol.identity()
        shared = [
            spec.config.dataset.identity(), spec.config.model.identity(),
            list(spec.config.optimizer.structure()), spec.config.loss.identity(),
            {**{k: protocol[k] for k in protocol if k not in ("seed", "divergence")},
             "grad_clip": protocol["grad_clip"] is not None},
        ]  # fmt: skip
        run_kinds.setdefault(json.dumps(shared), set()).add(spec.run_kind)
    assert len(group_runs(planned, lambda members: 1)) == len(planned)
    assert [len(keys) for keys in run_kinds.values()] == [1] * 16
    assert len(set.union(*run_kinds.values())) == 16


def test_a_kind_has_the_number_and_the_length_of_its_runs(composer):
    config = composer.sweep(["steps=7,10", "eval.every_steps=4", "lr=1e-3,1e-2", "seed=range(3)"])
    run_kinds = run_kinds_by_key(config.runs).values()
    assert [(k.steps, k.evaluations, k.runs) for k in run_kinds] == [(7, 3, 6), (10, 4, 6)]


@pytest.mark.parametrize(
    ("override", "same"),
    [
        ("steps=99", True),
        ("eval.every_steps=3", True),
        ("seed=5", True),
        ("lr=0.5", True),
        ("batch_size=7", False),
        ("grad_clip=1", False),
        ("eval.train_examples=9", False),
        ("model.width=7", False),
    ],
)
def test_timings_are_shared_by_runs_whose_steps_take_equally_long(composer, override, same):
    keys = set()
    for overrides in (["steps=10"], ["steps=10", override]):
        (run_kind,) = run_kinds_by_key(composer.run(overrides).runs).values()
        keys.add(run_kind.timing_key(CPU))
    assert (len(keys) == 1) == same


def test_timings_depend_on_the_numerics(composer):
    (run_kind,) = run_kinds_by_key(composer.run([]).runs).values()
    others = [CPU.model_copy(update=change) for change in ({"dtype": "float64"}, {"threads": 2})]
    assert len({run_kind.timing_key(numerics) for numerics in (CPU, *others)}) == 3
