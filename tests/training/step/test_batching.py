"""Functions of one run, computed for lanes."""

import pytest
import torch

from adamcmp.training.step.batching import copy_into, over_lanes


def moments(tree, scale):
    """A function of one run, of nested tensors."""
    total = tree["w"].sum() + tree["nested"][0]
    return {"mean": tree["w"].mean() * scale, "rest": (total, tree["nested"][0])}


def arguments(lanes):
    generator = torch.Generator().manual_seed(0)
    w, b, scale = (torch.randn(lanes, *shape, generator=generator) for shape in ((3, 2), (), ()))
    return {"w": w, "nested": (b,)}, scale


@pytest.mark.parametrize(("lanes", "fused"), [(1, True), (1, False), (4, True)])
def test_each_lane_equals_a_single_run(lanes, fused):
    tree, scale_M = arguments(lanes)
    batched = over_lanes(moments, fused)(tree, scale_M)
    for lane in range(lanes):
        expected = moments(
            {"w": tree["w"][lane], "nested": (tree["nested"][0][lane],)}, scale_M[lane]
        )
        torch.testing.assert_close(batched["mean"][lane], expected["mean"])
        for value, same in zip(batched["rest"], expected["rest"], strict=True):
            assert value.shape == (lanes,)
            torch.testing.assert_close(value[lane], same)


def test_copies_keep_the_tensors():
    """Those of the target, whose addresses a captured graph holds."""
    target, source = (
        {"a": torch.full((2,), x), "b": ({"c": torch.tensor(x)},)} for x in (0.0, 1.0)
    )
    pointers = target["a"].data_ptr(), target["b"][0]["c"].data_ptr()
    copy_into(target, source)
    assert target["a"].tolist() == [1, 1] and target["b"][0]["c"] == 1
    assert pointers == (target["a"].data_ptr(), target["b"][0]["c"].data_ptr())
    with pytest.raises(ValueError, match="zip"):
        copy_into(target, {"a": torch.zeros(2)})
