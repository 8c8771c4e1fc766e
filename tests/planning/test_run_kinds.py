"""Kinds of runs: what the lanes of a group must share."""

import json

from adamcmp.planning.grouping import group_runs


def test_runs_of_one_kind_are_those_of_equal_structure(specs):
    overrides = [
        "optimizer=adamw,sgd",
        "lr=1,2",
        "grad_clip=null,1,2",
        "seeds=2",
        "model.width=8,16",
    ]
    planned = specs([*overrides, "wd=0,1", "steps=3,4"])
    kinds = {}
    for spec in planned:
        protocol = spec.config.protocol.identity()
        shared = [
            spec.config.dataset.identity(), spec.config.model.identity(),
            list(spec.config.optimizer.structure()), spec.config.loss.identity(),
            {**{k: protocol[k] for k in protocol if k not in ("seed", "divergence")},
             "grad_clip": protocol["grad_clip"] is not None},
        ]  # fmt: skip
        kinds.setdefault(json.dumps(shared), set()).add(spec.kind)
    assert len(group_runs(planned, lambda members: 1)) == len(planned)
    assert [len(keys) for keys in kinds.values()] == [1] * 16
    assert len(set.union(*kinds.values())) == 16
