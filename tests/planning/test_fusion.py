"""Which runs are fused, and which engine trains them."""

import pytest

from adamcmp.planning.fusion import unfused_reason
from adamcmp.planning.specs import run_specs
from tests.conftest import CPU

TORCH = ["optimizer=torch", "optimizer.target=torch.optim.RAdam"]


@pytest.mark.parametrize(
    ("overrides", "device", "engine", "reason"),
    [
        (["model=mlp"], "cpu", "compiled", None),
        (["model=mlp"], "cpu", "traced", None),
        (["model=cnn1d"], "cpu", "traced", "model=cnn1d is faster one lane at a time"),
        (["model=mlp"], "cuda", "eager", None),
        (["model=mlp"], "cpu", "eager", "engine=eager fuses lanes only on a GPU"),
        (["model=cnn1d"], "cuda", "eager", None),
        (["model=cnn1d"], "cpu", "compiled", "model=cnn1d is faster one lane at a time"),
        (["model=gru"], "cpu", "compiled", "model=gru is faster one lane at a time"),
        (["model=gru"], "cuda", "eager", "model=gru is faster one lane at a time"),
        (["model=mlp", *TORCH], "cuda", "compiled", "a torch.optim class holds the settings"),
        (["optimizer=soap"], "cpu", "compiled", "a step of rule=soap cannot be traced"),
        (["optimizer=soap"], "cuda", "eager", None),
    ],
)
def test_the_reason_why_runs_are_not_fused(composer, overrides, device, engine, reason):
    (config,) = composer.run(overrides).runs
    actual = unfused_reason(config, device, engine)
    assert actual is None if reason is None else actual.startswith(reason)


@pytest.mark.parametrize(
    ("overrides", "engines", "fused"),
    [
        (["model=mlp"], {"compiled", "traced"}, True),
        (["model=cnn1d"], {"traced"}, False),
        (["model=custom", "model.target=torch.nn.Identity"], set(), False),
        (["model=mlp", *TORCH], set(), False),
        (["optimizer=soap"], set(), False),
    ],
)
def test_a_run_that_an_engine_cannot_train_is_eager(composer, overrides, engines, fused):
    study = composer.run(overrides)
    for engine in ("compiled", "traced"):
        (spec,) = run_specs(study, CPU.model_copy(update={"engine": engine}))
        assert spec.numerics.engine == (engine if engine in engines else "eager")
        assert spec.fuses == (fused and engine in engines)
