"""Updates of black boxes."""

import pytest
import torch

from adamcmp.inspection.subjects import ProbeFailed
from adamcmp.inspection.torch_subject import TorchSubject
from tests.support import flawed_optimizers as flawed

ONES = torch.ones(4, 4, dtype=torch.float64)


def test_updates_from_fixed_and_free_weights():
    sgd = TorchSubject(torch.optim.SGD, {"lr": 0.1, "weight_decay": 1.0})
    fixed = sgd.updates(ONES, [ONES, ONES], (1.0, 0.5))
    assert fixed[:, 0, 0].tolist() == pytest.approx([-0.2, -0.1])
    free = sgd.updates(ONES, [ONES, ONES], (1.0, 0.5), free=True)
    assert free[:, 0, 0].tolist() == pytest.approx([-0.2, -0.09])


def test_a_start_for_each_step():
    sgd = TorchSubject(torch.optim.SGD, {"lr": 0.1, "weight_decay": 1.0})
    updates = sgd.updates([ONES, 3 * ONES], [0 * ONES] * 2, (1.0, 1.0))
    assert updates[:, 0, 0].tolist() == pytest.approx([-0.1, -0.3])


def test_errors():
    with pytest.raises(ProbeFailed, match=r"flawed_optimizers\.py, line \d+: .*no such kernel"):
        TorchSubject(flawed.Broken, {}).updates(ONES, [ONES], (1.0,))
    with pytest.raises(ProbeFailed, match="not finite"):
        TorchSubject(torch.optim.SGD, {"lr": 0.1}).updates(ONES, [torch.inf * ONES], (1.0,))
