"""Which operations can be recorded and repeated."""

import pytest
import torch

from adamcmp.training.engines.torch_internals import recorded_calls
from adamcmp.training.recording import WITH_OUT, NotRecordable, Recording, where


def recorded(function, *arguments):
    _, calls = recorded_calls(lambda: function(*arguments))
    recording = Recording(list(arguments), arguments[0].shape)
    for call in calls:
        recording.add(call)
    return recording


def test_operations_on_numbers_are_apart():
    beta, step = (torch.tensor(value, dtype=torch.float64) for value in (0.9, 3.0))
    recording = recorded(lambda g, b, t: g / (1 - b**t), torch.ones(5), beta, step)
    # 1 − β^t in two operations, and its cast to the type of the tensors.
    assert len(recording.on_numbers) == 3
    (division,) = recording.elementwise
    assert division.function is torch.div
    assert recording.values[division.operands[1]].dtype == torch.float32


def test_numbers_are_not_cast_if_torch_computes_with_float64():
    beta = torch.tensor(0.9, dtype=torch.float64)
    for dtype in (torch.float64, torch.bfloat16, torch.bool):
        assert not recorded(lambda g, b: g * b, torch.ones(5, dtype=dtype), beta).on_numbers


@pytest.mark.parametrize(
    "function",
    [
        lambda g: g - g.mean(),
        lambda g: g * g.norm().item(),
        lambda g: g.add_(1),
        lambda g: g.view(-1),
        lambda g: torch.stack([g, g]).amax(0),
        lambda g: g + g.new_zeros(g.shape),
    ],
)
def test_what_cannot_be_repeated_for_other_tensors(function):
    with pytest.raises(NotRecordable):
        recorded(function, torch.ones(5))


def test_a_constant_tensor_cannot_be_recorded():
    constant = torch.ones(5)
    with pytest.raises(NotRecordable, match="constant tensor"):
        recorded(lambda g: g + constant, torch.ones(5))


@pytest.mark.parametrize("condition", [True, False, [True, False, True]])
def test_where(condition):
    condition, value, other = torch.tensor(condition), torch.tensor([1.0, 2.0, 3.0]), torch.zeros(3)
    expected = torch.where(condition, value, other)
    for out in (torch.ones(3), value, other):
        tensors = [out if tensor is out else tensor.clone() for tensor in (value, other)]
        kept = out.clone()
        where(condition, *tensors, out=out)
        assert torch.equal(out, expected)
        out.copy_(kept)


def test_functions_write_into_a_given_tensor():
    for name, function in WITH_OUT.items():
        assert name in {function.__name__, "where"}
        assert "out" in (function.__doc__ or "") or function is where
