"""Checks of a group before anything is written."""

import pytest

from adamcmp.errors import AdamcmpError
from adamcmp.training.checks import check_run


def test_groups_that_cannot_be_trained_are_refused(specs):
    for overrides, message in [
        (["batch_size=5000"], "batch_size=5000: mnist1d trains on 3600 examples"),
        (["model=cnn"], "needs images"),
        (["eval.train_examples=9999"], "eval.train_examples=9999"),
        (["optimizer=torch", "optimizer.target=torch.optim.RAdam", "+optimizer.momentun=1"], "no argument 'momentun'"),
        (["optimizer=torch", "optimizer.target=torch.optim.RAdan"], "Did you mean 'RAdam'"),
        (["optimizer=torch", "optimizer.target=os.system"], "derived from torch.optim.Optimizer"),
        (["optimizer=torch", "optimizer.target=torch.optim.LBFGS"], "needs a closure"),
        (["optimizer=torch", "optimizer.target=torch.optim.Adam", "+optimizer.eps=-1"], "Invalid epsilon"),
    ]:  # fmt: skip
        (spec,) = specs(overrides)
        with pytest.raises(AdamcmpError, match=message):
            check_run(spec.config)
