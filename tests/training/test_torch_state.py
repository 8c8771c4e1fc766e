"""The global state of torch while a group is trained, and after."""

import torch

from adamcmp.planning.grouping import LaneGroup
from adamcmp.training.outcome import Done
from adamcmp.training.train import train_group
from tests.support.training import trained


def test_subnormal_numbers_are_flushed_while_training(specs):
    """Momenta of dead units would become subnormal and stay so, which slows every product."""

    def flushes():
        return (torch.tensor(1e-40) * 1).item() == 0

    seen = []
    (spec,) = specs(["optimizer=adamw", "steps=3"])
    assert not flushes()
    assert isinstance(
        train_group(LaneGroup((spec,)), lambda progress: seen.append(flushes())), Done
    )
    assert seen and all(seen) and not flushes()


def test_training_restores_torchs_global_state(specs):
    torch.set_num_threads(2)
    torch.manual_seed(1)
    expected = torch.rand(2).tolist()
    torch.manual_seed(1)
    trained(specs(["model=cnn1d", "steps=2"])[0])
    assert torch.rand(2).tolist() == expected and torch.get_num_threads() == 2
    torch.set_num_threads(1)


def test_the_callers_settings_of_torch_change_no_number(specs):
    (spec,) = specs(["optimizer=adamw", "steps=3"])
    expected = trained(spec).metrics[-1]["train_loss"]
    try:
        torch.set_float32_matmul_precision("medium")
        torch.set_default_dtype(torch.float64)
        torch.set_flush_denormal(True)
        assert trained(spec).metrics[-1]["train_loss"] == expected
        assert torch.get_default_dtype() is torch.float64
        assert torch.get_float32_matmul_precision() == "medium"
        assert torch.tensor(1e-40, dtype=torch.float32) * 1 == 0
    finally:
        torch.set_flush_denormal(False)
        torch.set_float32_matmul_precision("highest")
        torch.set_default_dtype(torch.float32)
