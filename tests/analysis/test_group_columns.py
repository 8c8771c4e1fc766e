"""Settings of parameter groups in tables of runs."""

import math

import pandas as pd

from adamcmp.analysis.group_columns import with_group_columns
from adamcmp.analysis.run_table import RunTable

GROUPS = ['{"head": {"lr_scale": 0.1}}', '{"head": {"lr_scale": 0.1, "weight_decay": 0.0}}', "{}"]


def runs():
    return pd.DataFrame(
        {
            "run_id": list("abc"), "dataset": "d", "model": "m", "optimizer": "adamw", "lr": 0.1,
            "wd": 0.1, "seed": 0, "status": "done", "optimizer.groups": GROUPS,
            "val_error": [0.3, 0.2, 0.1], "test_error": [0.3, 0.2, 0.1],
        }
    )  # fmt: skip


def test_each_setting_of_each_group_has_a_column():
    table = with_group_columns(runs())
    assert table["optimizer.groups.head.lr_scale"].tolist() == [0.1, 0.1, 1.0]
    decay = table["optimizer.groups.head.weight_decay"].tolist()
    assert math.isnan(decay[0]) and decay[1] == 0.0 and math.isnan(decay[2])


def test_they_are_settings_instead_of_the_stored_text():
    assert RunTable.from_frames(runs()).setting_columns == [
        *("lr", "wd"),
        "optimizer.groups.head.lr_scale",
        "optimizer.groups.head.weight_decay",
    ]


def test_runs_without_the_column_or_without_a_value():
    assert with_group_columns(pd.DataFrame({"lr": [0.1]})).columns.tolist() == ["lr"]
    imported = runs().assign(**{"optimizer.groups": None})
    assert "optimizer.groups.head.lr_scale" not in with_group_columns(imported)
