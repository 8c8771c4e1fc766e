"""The labels of problems and optimizers, and the columns that are settings."""

import pandas as pd

from adamcmp.analysis import RunTable
from adamcmp.analysis.labels import setting_columns
from tests.support.seeded_runs import runs_from

RUNS = runs_from((o, lr, 0, 0.3, 0.3) for o in ("adamw", "sgd") for lr in (0.1, 0.2, 0.3, 0.4))


def test_labels_of_problems_and_variants_contain_what_varied():
    runs = RUNS.assign(**{"dataset.label_noise": [0.0, 0.3] * 4, "dataset.flip": False})
    runs["rule"] = runs["optimizer"].map({"adamw": "adam", "sgd": "sgd"})
    runs["coupling"] = ["decoupled"] * 4 + ["l2", "l2", "fixed", "fixed"]
    labelled = RunTable.from_frames(runs).runs
    assert set(labelled["problem"]) == {"d, m, label_noise 0", "d, m, label_noise 0.3"}
    assert set(labelled["optimizer"]) == {"adamw", "sgd (l2)", "sgd (fixed)"}
    assert set(RunTable.from_frames(RUNS).problems) == {"d, m"}


def test_a_value_that_an_imported_run_lacks_is_no_label():
    """In a trained run a missing value is a value: subset=null takes all examples."""
    runs = pd.DataFrame(
        {
            "run_id": ["a", "b", "c"], "seed": 0, "status": "done",
            "dataset": "teacher", "model": "mlp", "optimizer": "adamw",
            "rule": ["adam", "adam", None], "dataset.subset": [None, 100, None],
            "model.width": [10.0, 10.0, None], "torch_version": ["2.13.0", "2.13.0", None],
        }
    )  # fmt: skip
    labelled = RunTable.from_frames(runs).runs.set_index("run_id")
    assert labelled["optimizer"].tolist() == ["adamw"] * 3
    assert labelled["problem"].nunique() == 3 and labelled["problem"]["c"] == "teacher, mlp"


def test_arguments_of_a_users_class_are_named_one_by_one():
    runs = pd.DataFrame(
        {
            "run_id": ["a", "b", "c", "d"], "seed": 0, "status": "done",
            "dataset": "digits", "model": "custom", "optimizer": "adamw",
            "model.arguments": ['{"depth": 2, "width": 64}', '{"depth": 2, "width": 8}', None, None],
            "torch_version": ["2.13.0", "2.13.0", "2.13.0", None],
        }
    )  # fmt: skip
    assert RunTable.from_frames(runs[:2]).problems == (
        "digits, custom, width 8", "digits, custom, width 64"
    )  # fmt: skip
    assert RunTable.from_frames(runs[1:]).problems == (
        "digits, custom",  # an imported run, whose width is unknown
        "digits, custom, depth 2, width 8",
        "digits, custom, depth default, width default",
    )


def test_settings_are_the_columns_that_varied_within_an_optimizer():
    assert setting_columns(RUNS) == ["lr", "wd"]

    def with_betas(betas):
        return setting_columns(RUNS.assign(**{"optimizer.betas": betas}))

    assert with_betas([[0.9, 0.99]] * 4 + [[0.9, 0.999]] * 4) == ["lr", "wd"]
    assert with_betas([[0.9, 0.99], [0.9, 0.999]] * 4) == ["lr", "wd", "optimizer.betas"]


def test_results_sizes_and_repeated_columns_are_no_settings():
    varied = range(len(RUNS))
    columns = ["seed", "test_error", "wall_time_s", "parameters", "threads", "optimizer.lr"]
    assert setting_columns(RUNS.assign(**dict.fromkeys(columns, varied))) == ["lr", "wd"]
    assert setting_columns(RUNS.assign(batch_size=varied)) == ["lr", "wd", "batch_size"]
