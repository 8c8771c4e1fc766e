"""Compares tensors by name."""

from torch import Tensor

#: Relative difference after 100 steps in float64.
TOLERANCE = 1e-12


def assert_close(
    actual: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = TOLERANCE
) -> None:
    """Check that the relative difference of each tensor's norm is below a tolerance."""
    for name, tensor in actual.items():
        norm = expected[name].norm().clamp(min=1e-300)
        difference = float((tensor - expected[name]).norm() / norm)
        assert difference < tolerance, (name, difference)
