"""All engines compute what the eager one computes, which is compared with torch.optim elsewhere."""

from pathlib import Path

import pytest

import configs
from adamcmp.planning.grouping import group_runs
from tests.conftest import needs_compiler
from tests.support.training import F64, FUSED, SINGLE, trained

STEPS = ["steps=20", "eval.every_steps=10", "eval.train_examples=100", "seed=1,2", "wd=0.1"]
COLUMNS = ("train_loss", "test_loss", "param_norm", "grad_norm", "update_norm")
#: Neither SOAP nor classes of torch can be traced.
OPTIMIZERS = sorted(
    {file.stem for file in Path(configs.__file__).parent.glob("optimizer/*.yaml")}
    - {"_rule", "soap", "torch"}
)
MODELS = {
    name: overrides
    for name, overrides in (FUSED | SINGLE).items()
    if name not in ("torch", "mlp-bf16")
}
QUICK = ("mlp-all", "cnn1d")


def check(specs, overrides, engine):
    """Compare the metrics of two runs in float64 with those of eager training."""
    eager, others = (values(specs, overrides, used) for used in ("eager", engine))
    assert len(eager) == 2 * 3 * len(COLUMNS)
    assert others == pytest.approx(eager, rel=1e-8)


def values(specs, overrides, engine):
    """Return the metrics of the runs in order; 0 for norms of steps before the first."""
    planned = specs([*overrides, *STEPS], F64.model_copy(update={"engine": engine}))
    assert {spec.numerics.engine for spec in planned} == {engine}
    groups = group_runs(planned, lambda specs: 8)
    assert len(groups) == (1 if planned[0].fuses else 2)
    rows = [row for group in groups for row in trained(group).metrics]
    order = [spec.run_id for spec in planned]
    rows.sort(key=lambda row: (order.index(row["run_id"]), row["step"]))
    return [row.get(column) or 0.0 for row in rows for column in COLUMNS]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in MODELS]
)
def test_traced_models(name, specs):
    check(specs, MODELS[name], "traced")


@pytest.mark.slow  # each optimizer is traced
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_traced_optimizers(optimizer, specs):
    check(specs, ["model=mlp", "model.width=19", f"optimizer={optimizer}", "grad_clip=1"], "traced")


@pytest.mark.slow
@pytest.mark.parametrize("wrapper", ["sam_rho=0.05", "lookahead_steps=5", "cautious_updates=true"])
@pytest.mark.parametrize("name", ["mlp-batchnorm", "resnet"])
def test_traced_wrappers(name, wrapper, specs):
    check(specs, [*MODELS[name], "optimizer=sgd", f"optimizer.{wrapper}"], "traced")


@pytest.mark.slow  # each model is compiled
@needs_compiler
@pytest.mark.parametrize("name", ["logistic", "mlp-all", "vit"])
def test_compiled_models(name, specs):
    check(specs, MODELS[name], "compiled")
