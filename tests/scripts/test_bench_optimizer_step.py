"""The benchmark of a step of `torch_optimizer`."""

import runpy
from math import prod
from pathlib import Path

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "bench_optimizer_step"))


def test_the_shapes_are_those_of_the_networks():
    """torchvision's ResNet-18 has 62 parameters, 11,689,512 numbers."""
    shapes, _ = SCRIPT["NETWORKS"]["ResNet-18"]
    assert (len(shapes), sum(map(prod, shapes))) == (62, 11_689_512)
    assert sum(map(prod, SCRIPT["NETWORKS"]["MLP"][0])) == 40 * 100 + 100 * 100 + 100 * 10 + 210


def test_both_forms_take_steps():
    assert all(seconds > 0 for seconds in SCRIPT["fastest"]("adamw", [(3, 2), (3,)], 5, 1))
