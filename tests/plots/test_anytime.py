"""The data of anytime curves, on hand-made runs whose results are known."""

import numpy as np
import pandas as pd
import torch

from adamcmp.analysis import RunTable
from adamcmp.plots import PLOTS, anytime
from tests.support.hand_made import study


def test_best_so_far_is_the_value_at_the_best_validation():
    runs, metrics = study(["adamw"], lr=(1e-2,), wd=(1e-3,), seeds=1)
    metrics["val_error"] = [0.9, 0.4, 0.6, 0.3]
    metrics["test_error"] = [0.9, 0.5, 0.2, 0.4]
    curves = anytime.data(RunTable(runs, metrics)).curves
    values = {m: g["estimate"].tolist() for m, g in curves.groupby("metric")}
    assert values == {"best": [0.9, 0.5, 0.5, 0.4], "now": [0.9, 0.5, 0.2, 0.4]}


def test_without_validation_there_is_no_best():
    runs, metrics = study(["adamw"], lr=(1e-2,), wd=(1e-3,))
    blind = metrics.assign(val_error=np.nan, val_loss=np.nan)
    assert set(anytime.data(RunTable(runs, blind)).curves["metric"]) == {"now"}


def test_restarts_are_the_steps_at_which_torch_raises_lr():
    runs, metrics = study(schedule="cosine_restarts", steps=(0, 40, 80, 120))
    restarts = anytime.data(RunTable(runs, metrics)).restarts
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 10, 2)
    raised, before = [], 1.0
    for step in range(1, 121):  # 10 steps per epoch
        optimizer.step()
        schedule.step()
        if schedule.get_last_lr()[0] > before:
            raised.append(step)
        before = schedule.get_last_lr()[0]
    steps = restarts.loc[restarts["optimizer"] == "adamw", "step"].tolist()
    assert raised == [10, 30, 70] and steps == raised


def test_each_schedule_has_a_line():
    both = [study(schedule=s) for s in ("cosine", "cosine_restarts")]
    both[1][0]["run_id"] += "r"
    both[1][1]["run_id"] += "r"
    runs, metrics = (pd.concat(tables, ignore_index=True) for tables in zip(*both, strict=True))
    table = RunTable(runs, metrics)
    shown = PLOTS["anytime"].data(table)
    assert len(set(shown.curves["optimizer"])) == 4
    assert set(shown.restarts["optimizer"]) == {
        f"{o}, cosine_restarts" for o in ("adam_l2", "adamw")
    }
    assert set(PLOTS["anytime"].data(table, hue="optimizer").curves["optimizer"]) == {
        "adam_l2",
        "adamw",
    }
