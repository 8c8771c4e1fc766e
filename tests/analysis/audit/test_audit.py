"""The audit finds what was made wrong on purpose, and nothing where all is well."""

import itertools

import numpy as np
import pandas as pd
import pytest

from adamcmp.analysis import RunTable, audit, budgets
from adamcmp.analysis.audit.horizons import read_at, reversals
from adamcmp.config import Composer, Numerics
from adamcmp.planning.specs import RunSpec
from adamcmp.storage.columns import RUN_COLUMNS

GRID = (0.01, 0.1, 1.0)
COUPLINGS = {"adam": "none", "adam_l2": "l2", "adamw": "decoupled", "amsgradw": "decoupled"}


def study(optimizers, seeds=6, lrs=GRID, **about):
    """Runs whose validation and test errors are lowest at lr 0.1; and two evaluations of each.

    Args:
        optimizers: Each one's test error at its best setting.
    """
    rows = []
    for (optimizer, error), lr, seed in itertools.product(optimizers.items(), lrs, range(seeds)):
        noise = np.random.default_rng([seed, len(rows)]).normal(0, 0.002)
        value = error + 0.1 * abs(np.log10(lr) + 1) + noise
        rows.append(
            {
                "run_id": f"{optimizer}-{lr}-{seed}", "study": "s", "dataset": "d", "model": "m",
                "optimizer": optimizer, "rule": "adam", "coupling": COUPLINGS.get(optimizer, "l2"),
                "loss": "cross_entropy", "schedule": "cosine", "lr": lr,
                "wd": 0.0 if optimizer == "adam" else 0.1, "seed": seed, "status": "done",
                "steps": 100, "batch_size": 10, "train_examples": 100, "val_error": value,
                "test_error": value + noise, "train_error": value / 2, "train_loss": value,
                "val_loss": value, "test_loss": value, "gap_loss": 0.1, "gap_error": 0.1,
                "torch_version": "2", "optimizer.amsgrad": optimizer.startswith("amsgrad"), **about,
            }
        )  # fmt: skip
    runs = pd.DataFrame(rows)
    runs = runs.reindex(columns=dict.fromkeys([*runs.columns, *RUN_COLUMNS]))
    return runs, evaluations(runs, dict.fromkeys(optimizers, 1.0))


def evaluations(runs, early):
    """Evaluations at steps 0, 20, 50 and 100; before 100 errors are scaled per optimizer."""
    rows = [
        {"run_id": run["run_id"], "step": step, "epoch": step / 10}
        | {m: run[m] * (1 if step == 100 else early[run["optimizer"]]) for m in METRICS}
        for run in runs.to_dict("records")
        for step in (0, 20, 50, 100)
    ]
    return pd.DataFrame(rows)


METRICS = ("train_loss", "train_error", "val_error", "test_error", "test_loss")


def audited(runs, metrics):
    return audit(RunTable.from_frames(runs, metrics))


def kinds(runs, metrics):
    return {finding.kind for finding in audited(runs, metrics)}


def test_nothing_is_found_where_all_is_well():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25})
    assert audited(runs, metrics) == []


def test_an_optimum_on_the_edge_has_its_command():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.1, 1.0))
    actual = audited(runs, metrics)
    assert {f.kind for f in actual} == {"edge"} and len(actual) == 2
    assert actual[0].command == "adamcmp extend s"
    assert "AdamW" in actual[1].text and "lr 0.1" in actual[1].text


def tuned(column, values, best):
    """Runs of two optimizers over one more setting, with the least error at the best of it."""
    runs, metrics = study({"sgd": 0.3, "adamw": 0.25}, lrs=(0.1,))
    tried = []
    for place, value in enumerate(values):
        own = runs.assign(run_id=runs["run_id"] + f"-{value}")
        own[column] = [value] * len(own)
        own["val_error"] += 0.1 * abs(place - values.index(best))
        tried.append(own)
    return pd.concat(tried, ignore_index=True), metrics


@pytest.mark.parametrize(
    ("column", "values", "best", "actual"),
    [
        ("optimizer.momentum", [0.5, 0.9, 0.99], 0.99, "(momentum 0.99)"),
        ("optimizer.momentum", [0.5, 0.9, 0.99], 0.9, ""),
        ("optimizer.momentum", [0.9, 0.99], 0.99, ""),  # of two, one is always at an end
        ("optimizer.momentum", [0.0, 0.5, 0.9], 0.0, ""),
        ("optimizer.dampening", [0.0, 0.5, 1.0], 1.0, ""),
        ("optimizer.eps", [1e-8, 1e-4, 1.0], 1.0, "(eps 1)"),
        ("batch_size", [32, 64, 128], 32, "(batch size 32)"),
        ("batch_size", [1, 2, 4], 1, ""),
        ("optimizer.betas", [[0.9, 0.9], [0.9, 0.99], [0.9, 0.999]], [0.9, 0.999], "(beta2 0.999)"),
        ("optimizer.betas", [[0.9, 0.9], [0.9, 0.99], [0.9, 0.999]], [0.9, 0.99], ""),
        ("optimizer.amsgrad", [False, True], True, ""),
        ("eval.every_steps", [1, 2, 4], 4, ""),  # not tuned
    ],
)
def test_the_best_of_another_setting_at_its_end(column, values, best, actual):
    edge = [f for f in audited(*tuned(column, values, best)) if f.kind == "edge"]
    assert len(edge) == (2 if actual else 0) and all(f.command is None for f in edge)
    assert all(f"at the end of what was tried {actual}" in f.text for f in edge)


def test_a_best_setting_without_the_number_is_at_no_end():
    runs, metrics = tuned("schedule.T_mult", [2, 3, 4, None], None)
    runs["schedule.T_mult"] = runs["schedule.T_mult"].astype("Int64")
    assert "edge" not in kinds(runs, metrics)


def test_settings_of_a_search_have_no_ends():
    runs, metrics = tuned("optimizer.momentum", [0.5, 0.9, 0.99], 0.99)
    runs["lr"] = runs["wd"] = 0.1 + runs["optimizer.momentum"]
    assert "edge" not in kinds(runs, metrics)


def test_a_setting_of_one_optimizer_alone_has_ends():
    runs, metrics = tuned("optimizer.momentum", [0.5, 0.9, 0.99], 0.99)
    runs["optimizer.momentum"] = runs["optimizer.momentum"].where(runs["optimizer"] == "sgd")
    (finding,) = [f for f in audited(runs, metrics) if f.kind == "edge"]
    assert "SGD" in finding.text


def test_imported_runs_cannot_be_extended():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.1, 1.0), torch_version=None)
    assert [finding.command for finding in audited(runs, metrics)] == [None, None]


def test_unequal_budgets():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.001, 0.01, 0.1, 1.0))
    few = runs[~((runs["optimizer"] == "adamw") & (runs["lr"] == 0.001))]
    (finding,) = audited(few, metrics)
    assert finding.kind == "budget" and "unequally: settings (Adam+L2 4, AdamW 3);" in finding.text


def test_longer_training_is_a_larger_budget():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25})
    longer = runs.assign(steps=runs["steps"].where(runs["optimizer"] == "adamw", 200))
    (finding,) = [f for f in audited(longer, metrics) if f.kind == "budget"]
    assert "unequally: steps per run (Adam+L2 200, AdamW 100);" in finding.text
    slightly = runs.assign(steps=runs["steps"].where(runs["optimizer"] == "adamw", 110))
    (finding,) = [f for f in audited(slightly, metrics) if f.kind == "budget"]
    assert "selected settings differ in steps: Adam+L2 110, AdamW 100" in finding.text


def test_more_seeds_in_choosing_are_a_larger_budget():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, seeds=14)
    stages = runs["seed"].between(8, 13) & (runs["lr"] == 0.1)  # of both, and no part of choosing
    tried = runs["seed"] < runs["optimizer"].map({"adam_l2": 8, "adamw": 1})
    texts = {f.kind: f.text for f in audited(runs[tried | stages], metrics)}
    assert "unequally: selection seeds per setting (Adam+L2 8, AdamW 1);" in texts["budget"]
    alike = runs[(runs["seed"] < 3) | (stages & (runs["optimizer"] == "adamw"))]
    assert "budget" not in kinds(alike, metrics)


def test_where_nothing_was_chosen_seeds_are_no_budget_of_tuning():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.1,), seeds=10)
    assert "budget" not in kinds(runs[(runs["optimizer"] == "adamw") | (runs["seed"] < 5)], metrics)


def test_unequal_quantities_are_one_finding():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.001, 0.01, 0.1, 1.0))
    steps = runs["optimizer"].map({"adam_l2": 1000, "adamw": 100})
    most = (runs["optimizer"] == "adam_l2") | ((runs["lr"] > 0.001) & (runs["seed"] < 2))
    (finding,) = [f for f in audited(runs.assign(steps=steps)[most], metrics) if f.kind == "budget"]
    assert (
        "settings (Adam+L2 4, AdamW 3); selection seeds per setting (Adam+L2 6, AdamW 2); "
        "steps per run (Adam+L2 1000, AdamW 100)" in finding.text
    )


def test_seeds_that_differ_or_are_few():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25})
    other = runs.assign(seed=runs["seed"].where(runs["optimizer"] == "adamw", runs["seed"] + 3))
    (finding,) = audited(other, metrics)
    assert finding.kind == "seeds" and "Adam+L2 6, AdamW 6; 3 shared" in finding.text
    (finding,) = audited(runs[runs["seed"] < 4], metrics)
    assert finding.kind == "few seeds" and "Adam+L2 4, AdamW 4" in finding.text


@pytest.mark.parametrize(
    ("general", "special", "knob"),
    [("amsgradw", "adamw", "amsgrad"), ("adamw", "adam", "wd"), ("adam_l2", "adam", "wd")],
)
def test_a_rule_cannot_lose_to_its_special_case(general, special, knob):
    (finding,) = audited(*study({general: 0.3, special: 0.2}))
    assert finding.kind == "special case" and f"({knob} is off)" in finding.text
    assert audited(*study({general: 0.2, special: 0.3})) == []
    assert audited(*study({general: 0.2, special: 0.2})) == []  # no worse than luck


def test_momentum_cannot_lose_to_none():
    runs, metrics = study({"sgd": 0.3, "plain": 0.2})
    runs["optimizer.momentum"] = runs["optimizer"].map({"sgd": 0.9, "plain": 0.0})
    runs["rule"], runs["coupling"] = "sgd", "l2"
    (finding,) = audited(runs, metrics)
    assert finding.kind == "special case" and "(momentum is off)" in finding.text


def shipped(runs, optimizer, *overrides):
    """Runs with the columns that an optimizer of `adamcmp` has."""
    (config,) = Composer().run([f"optimizer={optimizer}", *overrides]).runs
    asked = RunSpec.of(config, Numerics()).columns()
    about = {k: v for k, v in asked.items() if k.startswith("optimizer.")}
    about |= {k: asked[k] for k in ("optimizer", "rule", "coupling")}
    return runs.assign(**{k: pd.Series([v] * len(runs), runs.index) for k, v in about.items()})


@pytest.mark.parametrize(
    ("general", "special"), [("amsgrad", "adam_l2"), ("amsgradw", "adamw"), ("sgdw", "sgdw-plain")]
)
def test_shipped_rules_and_their_special_cases(general, special):
    plain = ["optimizer.momentum=0"] if "-plain" in special else []
    overrides = {general: ["wd=0.1"], special: ["wd=0.1", *plain]}
    for errors, actual in (((0.3, 0.2), {"special case"}), ((0.2, 0.3), set())):
        runs, metrics = study(dict(zip((general, special), errors, strict=True)))
        parts = [
            shipped(runs[runs["optimizer"] == o], o.split("-")[0], *overrides[o]).assign(
                optimizer=o
            )
            for o in overrides
        ]
        assert kinds(pd.concat(parts), metrics) == actual


@pytest.mark.parametrize(
    ("optimizer", "on", "off"),
    [
        ("sgd", "optimizer.momentum=0.9", "optimizer.momentum=0"),
        ("sgdw", "optimizer.nesterov=true", "optimizer.nesterov=false"),
        ("adam_l2", "optimizer.amsgrad=true", "optimizer.amsgrad=false"),
    ],
)
def test_nor_may_a_knob_of_one_optimizer_lose_to_doing_without(optimizer, on, off):
    knob = on.partition("=")[0].rpartition(".")[2]
    for errors, actual in (((0.3, 0.2), [knob]), ((0.2, 0.3), []), ((0.2, 0.2), [])):
        runs, metrics = study(dict(zip(("on", "off"), errors, strict=True)))
        overrides = {"on": on, "off": off}
        parts = [shipped(runs[runs["optimizer"] == o], optimizer, overrides[o]) for o in overrides]
        findings = audited(pd.concat(parts), metrics)
        assert [f.kind for f in findings] == ["special case"] * len(actual)
        assert all(f"with {knob} is worse than its special case" in f.text for f in findings)


def test_another_coupling_is_no_special_case():
    assert audited(*study({"amsgradw": 0.3, "adam_l2": 0.2})) == []


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_lost_runs_are_counted(status):
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25})
    lost = (runs["optimizer"] == "adamw") & (runs["lr"] == 1.0) & (runs["seed"] < 2)
    runs.loc[lost, "status"] = status
    runs.loc[lost, list(METRICS)] = np.nan
    (finding,) = audited(runs, metrics)
    assert finding.kind == status and "AdamW 2 of 18" in finding.text
    assert finding.severity == ("note" if status == "diverged" else "warning")


def test_missing_runs_are_counted():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25})
    there = runs[~((runs["optimizer"] == "adamw") & (runs["lr"] == 1.0) & (runs["seed"] > 3))]
    assert budgets(RunTable.from_frames(there))["missing"].tolist() == [0, 2]
    (finding,) = [f for f in audited(there, metrics) if f.kind == "missing"]
    assert "AdamW 2 of 18" in finding.text


@pytest.mark.parametrize("lrs", [GRID, (0.1,)])
def test_a_sweep_cut_off_for_one_optimizer_has_missing_runs(lrs):
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=lrs, seeds=8)
    adamw = runs["optimizer"] == "adamw"
    cut = runs[~(adamw & (runs["seed"] > 4))]  # at a seed
    assert budgets(RunTable.from_frames(cut))["missing"].tolist() == [0, 3 * len(lrs)]
    assert "missing" in kinds(cut, metrics)
    ragged = runs[~(adamw & (runs["seed"] > 4 - (runs["lr"] == 1.0) + (runs["lr"] == 0.1)))]
    assert budgets(RunTable.from_frames(ragged))["missing"].tolist() == [
        0,
        9 if len(lrs) > 1 else 2,
    ]


def test_other_seeds_are_not_missing():
    runs, _ = study({"adam_l2": 0.3, "adamw": 0.25}, seeds=9)
    adamw = runs["optimizer"] == "adamw"
    others = runs[(adamw & (runs["seed"] > 2)) | (~adamw & (runs["seed"] < 6))]
    assert budgets(RunTable.from_frames(others))["missing"].tolist() == [0, 0]
    untuned = runs[adamw & (runs["lr"] == 0.1)]  # reported on nine seeds, never chosen
    tuned = runs[~adamw & (runs["seed"] < 3)]
    assert budgets(RunTable.from_frames(pd.concat([tuned, untuned])))["missing"].tolist() == [0, 0]


def test_fresh_seeds_of_winners_are_not_missing():
    runs, _ = study({"adam_l2": 0.3, "adamw": 0.25}, seeds=9)
    two_stages = runs[(runs["seed"] < 3) | (runs["lr"] == 0.1)]
    assert budgets(RunTable.from_frames(two_stages))["missing"].tolist() == [0, 0]


def test_a_chosen_setting_that_diverged():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.1,))
    runs.loc[runs["run_id"] == "adamw-0.1-0", ["status", *METRICS]] = ["diverged", *[np.nan] * 5]
    actual = audited(runs, metrics)
    assert [f.severity for f in actual] == ["warning", "note"]
    assert "1 run of the selected setting of AdamW diverged" in actual[0].text


def test_restarts_are_read_at_the_ends_of_cycles_at_the_whole_budget_too():
    """Cycles end at steps 40 and 80 of 100; what stands at 100 is half way through a third."""
    runs, _ = study({"adam_l2": 0.3, "adamw": 0.25})
    runs = runs.assign(**{"schedule": "cosine_restarts", "schedule.T_0": 4, "schedule.T_mult": 1})
    scale = {"adam_l2": 1.0, "adamw": 2.0}  # AdamW is behind at the ends of both cycles
    rows = [
        {"run_id": run["run_id"], "step": step, "epoch": step / 10}
        | {m: run[m] * (1 if step == 100 else scale[run["optimizer"]]) for m in METRICS}
        for run in runs.to_dict("records")
        for step in (0, 40, 80, 100)
    ]
    assert reversals(RunTable.from_frames(runs, pd.DataFrame(rows))).empty
    constant = runs.assign(schedule="constant")
    assert reversals(RunTable.from_frames(constant, pd.DataFrame(rows)))["share"].tolist() == [0.5]


def test_a_ranking_that_is_reversed():
    runs, _ = study({"adam_l2": 0.3, "adamw": 0.25})
    metrics = evaluations(runs, {"adam_l2": 1.0, "adamw": 2.0})
    actual = reversals(RunTable.from_frames(runs, metrics))
    assert actual[["share", "ahead", "behind"]].to_numpy().tolist() == [
        [0.25, "adam_l2", "adamw"],
        [0.5, "adam_l2", "adamw"],
    ]
    assert kinds(runs, metrics) == {"horizon"}
    level = evaluations(runs, {"adam_l2": 1.0, "adamw": 1.1})
    assert reversals(RunTable.from_frames(runs, level)).empty


def test_a_ranking_that_cannot_be_read_early_is_said_to_be_so():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25})
    beginning = "The ranking could not be read at"
    (finding,) = audited(runs, metrics[metrics["step"] == 100])
    assert finding.severity == "note" and finding.text == (
        f"{beginning} a quarter and half of the budget: Adam+L2 and AdamW have no evaluation by "
        f"then."
    )
    assert [f.text for f in audited(runs, metrics[:0])] == [finding.text]  # no curves at all
    of_adamw = metrics["run_id"].str.startswith("adamw")
    (finding,) = audited(runs, metrics[(metrics["step"] != 20) | ~of_adamw])
    assert f"{beginning} a quarter of the budget: AdamW has no evaluation" in finding.text
    alone = runs[runs["optimizer"] == "adamw"]
    assert audited(alone, metrics[:0]) == []  # no ranking


@pytest.mark.parametrize("known", ["val_error", "test_error"])
def test_curves_without_what_ranks_cannot_be_read(known):
    """Imported curves may hold other metrics than the end of a run."""
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, seeds=5)
    metrics = metrics.assign(**{known: metrics[known].where(metrics["step"] == 100)})
    assert [f.severity for f in audited(runs, metrics)] == ["note"]


def test_restarts_are_read_at_the_ends_of_cycles():
    """Cycles of 2, 4, … epochs, a run of 10 epochs: half of it, epoch 5, lies in the second."""
    runs, metrics = study(
        {"adamw": 0.25}, schedule="cosine_restarts", **{"schedule.T_0": 2.0, "schedule.T_mult": 2}
    )
    marked = metrics.assign(test_error=metrics["step"].astype(float))

    def read(runs, share):
        return read_at(RunTable.from_frames(runs, marked), share).runs

    assert set(read(runs, 0.5)["test_error"]) == {20.0}
    assert set(read(runs, 0.6)["test_error"]) == {50.0}
    assert read(runs, 0.1).empty
    plain = runs.assign(schedule="cosine")
    assert set(read(plain, 0.5)["test_error"]) == {50.0}
