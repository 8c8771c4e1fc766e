"""Parameters by name, or concatenated."""

import pytest
import torch

from adamcmp.training.step.packing import Packing

LANES = 3
SHAPES = {"w": (3, 2), "b": (3,), "scale": (), "head": (2, 3)}
GROUPS = [["w", "b"], ["scale", "head"]]


def params(seed):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(LANES, *shape, generator=generator) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("concatenate", [True, False])
def test_unpacking_inverts_packing(concatenate):
    by_name = params(0)
    packing = Packing(by_name, GROUPS, concatenate)
    packed = packing.pack(by_name)
    unpacked = packing.unpack(packed)
    assert list(unpacked) == list(by_name)
    assert all(torch.equal(unpacked[name], by_name[name]) for name in by_name)
    # Views: an update in place reaches the stored tensors.
    unpacked["w"].zero_()
    assert not packing.unpack(packed)["w"].any()


@pytest.mark.parametrize("concatenate", [True, False])
def test_groups_have_separate_tensors(concatenate):
    packing = Packing(params(0), GROUPS, concatenate)
    packed = packing.pack(params(0))
    stored = [name for names in packing.groups for name in names]
    assert sorted(stored) == sorted(packed) and len(packing.groups) == 2
    numbers = [sum(packed[name].numel() for name in names) for names in packing.groups]
    assert numbers == [LANES * 9, LANES * 7]


def test_concatenated_matrices_remain_matrices():
    """Weight decay may exclude biases and norms, which have one dimension."""
    packed = Packing(params(0), GROUPS, True).pack(params(0))
    shapes = {name: tuple(tensor.shape) for name, tensor in packed.items()}
    assert shapes == {
        "0.matrices": (LANES, 1, 6),
        "0.vectors": (LANES, 3),
        "1.matrices": (LANES, 1, 6),
        "1.vectors": (LANES, 1),
    }


def test_an_elementwise_update_is_the_same():
    by_name, grads = params(0), params(1)
    packing = Packing(by_name, GROUPS, True)
    packed, packed_grads = packing.pack(by_name), packing.pack(grads)
    updated = {name: packed[name] - packed_grads[name] ** 2 for name in packed}
    for name, value in packing.unpack(updated).items():
        assert torch.equal(value, by_name[name] - grads[name] ** 2)
