"""Checks of a group before anything is written."""

import pytest
import torch

from adamcmp.errors import AdamcmpError, ConfigError
from adamcmp.training.checks import check_run
from adamcmp.training.tasks import autotune_task
from tests.support.user_networks import RecordsThreads


def test_groups_that_cannot_be_trained_are_refused(specs):
    for overrides, message in [
        (["batch_size=5000"], "batch_size=5000: mnist1d trains on 3600 examples"),
        (["model=cnn"], "needs images"),
        (["eval.train_examples=9999"], "eval.train_examples=9999"),
        (["optimizer=torch", "optimizer.target=torch.optim.RAdam", "+optimizer.momentun=1"], "no argument 'momentun'"),
        (["model=logistic", "optimizer=muon"], "optimizer=muon: the model has no hidden matrices"),
        (["optimizer=torch", "optimizer.target=torch.optim.RAdan"], "Did you mean 'RAdam'"),
        (["optimizer=torch", "optimizer.target=os.system"], "derived from torch.optim.Optimizer"),
        (["optimizer=torch", "optimizer.target=tests.support.user_networks.NeedsMore"], r"cannot be created \(TypeError: missing .*'momentum'\)\. \+optimizer.NAME=VALUE sets"),
        (["optimizer=torch", "optimizer.target=torch.optim.Adam", "+optimizer.eps=-1"], "Invalid epsilon"),
    ]:  # fmt: skip
        (spec,) = specs(overrides)
        with pytest.raises(AdamcmpError, match=message):
            check_run(spec.config)


def test_no_threads_are_started(specs):
    target = "model.target=tests.support.user_networks.RecordsThreads"
    (spec,) = specs(["dataset=teacher", "model=custom", target])
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        check_run(spec.config)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert RecordsThreads.threads == {1}


@pytest.mark.parametrize("width", [10**15, 10**18])
def test_a_model_that_does_not_fit_in_memory(specs, width):
    (spec,) = specs(["dataset=teacher", f"model.width={width}"])
    with pytest.raises(ConfigError, match=f"does not fit in memory.*model.width={width}"):
        autotune_task((spec, False), lambda _: None, lambda: False)


def test_a_schedule_of_a_schedule_free_optimizer(specs):
    def notices(*overrides):
        (spec,) = specs(["optimizer=schedulefree_sgd", *overrides])
        return check_run(spec.config)

    (notice,) = notices()
    assert notice.startswith("schedulefree_sgd is meant for schedule=constant;")
    assert notices("schedule=constant") == ()
