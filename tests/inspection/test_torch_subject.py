"""torch.optim classes as black boxes."""

import pytest
import torch

from adamcmp.inspection.subjects import ProbeFailed
from adamcmp.inspection.torch_subject import TorchSubject
from tests.support import flawed_optimizers as flawed

ONES = torch.ones(4, 4, dtype=torch.float64)


def test_settings_and_learning_rate():
    adam = TorchSubject(torch.optim.Adam, {})
    assert adam.lr == 0.001
    assert adam.with_lr(0.5).lr == 0.5
    assert adam.with_settings(eps=1.0).settings == {"eps": 1.0}
    without = TorchSubject(flawed.WithoutLr, {})
    assert (without.lr, without.with_lr(0.5)) == (None, None)


def works(subject):
    try:
        subject.updates(torch.ones(subject.shape), [torch.ones(subject.shape)], (1.0,))
    except ProbeFailed:
        return False
    return True


@pytest.mark.parametrize(
    ("cls", "variant"),
    [
        (torch.optim.AdamW, (torch.float64, (4, 4), "dense")),
        (flawed.VectorsOnly, (torch.float64, (16,), "dense")),
        (torch.optim.SparseAdam, (torch.float64, (4, 4), "sparse")),
        (flawed.Float32Only, (torch.float32, (4, 4), "dense")),
    ],
)
def test_the_weights_and_gradients_that_a_class_takes(cls, variant):
    first = next(filter(works, TorchSubject(cls, {}).variants()))
    assert (first.dtype, first.shape, first.layout) == variant


def test_gradients_with_a_graph():
    """For classes that differentiate the gradients, such as AdaHessian: second derivatives of 1."""

    class Newton(torch.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {})

        def step(self):
            (param,) = self.param_groups[0]["params"]
            (second,) = torch.autograd.grad(param.grad.sum(), param)
            param.data.sub_(param.grad.detach() / second)

    first = next(filter(works, TorchSubject(Newton, {}).variants()))
    assert first.layout == "graph"
    assert torch.equal(first.updates(ONES, [3 * ONES], (1.0,))[0], -3 * ONES)
