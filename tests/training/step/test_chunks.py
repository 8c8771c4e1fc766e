"""Chunks of steps: batches by seed, hyperparameters by lane and step."""

import numpy as np
import pytest
import torch

from adamcmp.components.schedules import Horizon
from adamcmp.training.device_data import BatchOrder
from adamcmp.training.run_record import RunRecord
from adamcmp.training.step.chunks import CHUNK_STEPS, ChunkBuilder, scheduled_hypers

EXAMPLES = 100
HORIZON = Horizon(steps=90, epoch=10.0)


@pytest.fixture
def records(specs):
    def planned(*overrides):
        planned_specs = specs(["steps=90", "batch_size=10", *overrides])
        return [RunRecord(spec, HORIZON, EXAMPLES) for spec in planned_specs]

    return planned


def test_lanes_see_the_batches_of_their_seed(records):
    """Whichever lanes are left, and wherever the chunk begins."""
    runs = records("optimizer=sgd", "lr=0.1,0.2", "seed=0,1")
    builder = ChunkBuilder(runs, torch.device("cpu"))
    for left, begin in ((runs, 0), (runs[1:], CHUNK_STEPS), (runs[3:], 7)):
        chunk = builder.build(left, begin)
        assert chunk.begin == begin
        for run, index_KB in zip(left, chunk.index_MKB, strict=True):
            order = BatchOrder(run.seed, EXAMPLES, 10)
            assert torch.equal(index_KB, order.batches(begin, begin + CHUNK_STEPS))


def test_each_lane_has_its_own_hyperparameters(records):
    runs = records("optimizer=adamw", "lr=0.1,0.2", "schedule=cosine,step", "wd=0,0.3")
    names, hypers_HKM = scheduled_hypers(runs, 20, 25)
    values = dict(zip(names, hypers_HKM, strict=True))
    assert names[-1] == "step" and hypers_HKM.dtype == np.float64
    steps = np.arange(20, 25)
    for lane, run in enumerate(runs):
        config = run.spec.config
        assert (values["lr"][:, lane] == config.optimizer.lr).all()
        assert (values["weight_decay"][:, lane] == config.optimizer.weight_decay).all()
        expected = config.schedule.multiplier(steps, HORIZON)
        assert values["multiplier"][:, lane].tolist() == expected.tolist()
        assert values["step"][:, lane].tolist() == [21, 22, 23, 24, 25]


def test_a_schedule_of_the_weight_decay_multiplies_it(records):
    runs = records("optimizer=adamw", "schedule=cosine", "wd_schedule=null,linear", "wd=0.1,0.3")
    names, hypers_HKM = scheduled_hypers(runs, 20, 25)
    values = dict(zip(names, hypers_HKM, strict=True))
    assert [run.spec.config.wd_schedule is None for run in runs] == [True, True, False, False]
    linear = 1 - np.arange(20, 25) / 90
    decays = np.outer(np.stack([linear**0, linear]), (0.1, 0.3)).reshape(2, 5, 2)
    assert values["weight_decay"] == pytest.approx(np.concatenate(decays, axis=1))
    # The multiplier of the learning rate is that of `schedule`.
    assert (values["multiplier"] == values["multiplier"][:, :1]).all()
    overrides = ["wd=0", "optimizer.groups.head.weight_decay=0.2", "wd_schedule=linear"]
    names, hypers_HKM = scheduled_hypers(records(*overrides), 20, 25)
    of_group = hypers_HKM[names.index("groups.head.weight_decay"), :, 0]
    assert of_group == pytest.approx(0.2 * linear)


def test_steps_beyond_the_end_have_the_last_multiplier(records):
    (run,) = records("schedule=linear", "lr=0.1")
    names, hypers_HKM = scheduled_hypers([run], 88, 93)
    multipliers = hypers_HKM[names.index("multiplier"), :, 0]
    assert multipliers.tolist() == pytest.approx([2 / 90, 1 / 90, 1 / 90, 1 / 90, 1 / 90])


@pytest.mark.parametrize(
    ("overrides", "name", "is_cycled"),
    [
        (["optimizer=sgd", "optimizer.momentum=0.9"], "momentum", True),
        (["optimizer=sgd", "optimizer.momentum=0"], "momentum", False),
        (["optimizer=adamw"], "beta1", True),
        (["optimizer=adamw", "schedule.cycle_momentum=false"], "beta1", False),
    ],
)
def test_one_cycle_cycles_momentum_or_the_first_beta(overrides, name, is_cycled, records):
    (run,) = records("schedule=one_cycle", *overrides)
    names, hypers_HKM = scheduled_hypers([run], 0, 90)
    values = hypers_HKM[names.index(name), :, 0]
    if is_cycled:
        expected = run.spec.config.schedule.momentum(np.arange(90), HORIZON)
        assert values.tolist() == expected.tolist() and len(set(values)) > 40
    else:
        assert set(values) == {run.hypers[name]}
