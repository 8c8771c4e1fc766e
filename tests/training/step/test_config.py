"""The settings that the lanes of a group share."""

import torch

from adamcmp.components.registry import canonical_json
from adamcmp.training.loop import GroupTraining
from tests.conftest import CPU
from tests.support.lanes import step_config
from tests.support.training import FusedGroup


def identity(specs, *overrides):
    return canonical_json(step_config(specs, *overrides).identity())


def test_numbers_of_a_run_do_not_determine_a_step(specs):
    same = {
        identity(specs, *overrides)
        for overrides in ([], ["lr=0.5"], ["wd=0.5"], ["seed=3"], ["optimizer.eps=1e-3"])
    }
    assert len(same) == 1
    for override in ("model.width=9", "optimizer=sgd", "grad_clip=1", "loss.label_smoothing=0.1"):
        assert identity(specs, override) not in same


def test_splits_share_a_compiled_step_unless_crops_are_padded(specs):
    """The value of a black pixel is that of the standardized training examples."""

    def identities(*overrides):
        for seed in (0, 1):
            (spec,) = specs(["dataset=digits", *overrides, f"data_seed={seed}"])
            config = GroupTraining(FusedGroup((spec,))).lanes.step_config
            yield canonical_json(config.identity())

    assert len(set(identities("dataset.flip=true"))) == 1
    assert len(set(identities("dataset.crop=1"))) == 2


def test_only_fused_lanes_are_compiled(specs):
    assert not step_config(specs).compiles
    numerics = CPU.model_copy(update={"engine": "compiled"})

    def compiled_specs(overrides):
        return specs(overrides, numerics)

    assert step_config(compiled_specs).compiles
    assert not step_config(compiled_specs, "model=cnn1d", fused=False).compiles


def test_bf16_computes_products_with_float32_weights(specs):
    numerics = CPU.model_copy(update={"dtype": "bf16"})
    config = step_config(lambda overrides: specs(overrides, numerics))
    assert config.autocast and config.dtype == torch.float32
    assert not step_config(specs).autocast


def test_clipping(specs):
    assert step_config(specs, "grad_clip=0.5").clip and not step_config(specs).clip
    assert step_config(specs).shape.inputs == (20,)
