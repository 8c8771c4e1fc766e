"""Which runs are fused, and which can be compiled."""

import pytest

from adamcmp.planning.fusion import can_trace, unfused_reason
from adamcmp.planning.specs import run_specs
from tests.conftest import CPU

TORCH = ["optimizer=torch", "optimizer.target=torch.optim.RAdam"]


@pytest.mark.parametrize(
    ("overrides", "device", "engine", "reason"),
    [
        (["model=mlp"], "cpu", "compiled", None),
        (["model=mlp"], "cuda", "eager", None),
        (["model=mlp"], "cpu", "eager", "on a CPU, only runs of the compiled engine"),
        (["model=cnn1d"], "cuda", "eager", None),
        (["model=cnn1d"], "cpu", "compiled", "model=cnn1d is faster one lane at a time"),
        (["model=gru"], "cpu", "compiled", "model=gru is faster one lane at a time"),
        (["model=gru"], "cuda", "eager", "model=gru is faster one lane at a time"),
        (["model=mlp", *TORCH], "cuda", "compiled", "a torch.optim class holds the settings"),
        (["optimizer=soap"], "cpu", "compiled", "a step of rule=soap cannot be compiled"),
        (["optimizer=soap"], "cuda", "eager", None),
    ],
)
def test_the_reason_why_runs_are_not_fused(composer, overrides, device, engine, reason):
    (config,) = composer.run(overrides).runs
    actual = unfused_reason(config, device, engine)
    assert actual is None if reason is None else actual.startswith(reason)


@pytest.mark.parametrize(
    ("overrides", "compiled"),
    [
        (["model=mlp"], True),
        (["model=cnn1d"], False),
        (["model=mlp", *TORCH], False),
        (["optimizer=soap"], False),
    ],
)
def test_a_run_that_cannot_be_compiled_is_eager_in_every_study(composer, overrides, compiled):
    study = composer.run(overrides)
    assert can_trace(study.runs[0]) == compiled
    (spec,) = run_specs(study, CPU.model_copy(update={"engine": "compiled"}))
    assert spec.numerics.engine == ("compiled" if compiled else "eager")
    assert spec.fuses == compiled
