"""Optimizers that were tuned with unequal budgets."""

from tests.support.audited import audited, findings_of, study


def test_unequal_budgets():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.001, 0.01, 0.1, 1.0))
    few = runs[~((runs["optimizer"] == "adamw") & (runs["lr"] == 0.001))]
    (finding,) = audited(few, metrics)
    assert (
        finding.kind == "budget"
        and "Tuning budgets differ: settings (Adam+L2 4, AdamW 3);" in finding.text
    )


def test_a_larger_budget_undermines_the_verdict_only_if_it_is_ahead():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.001, 0.01, 0.1, 1.0))
    for fewer, severity, undermines, consequence in (
        ("adam_l2", "warning", "unequal tuning budgets", "may be ahead for that reason"),
        ("adamw", "note", "", "no optimizer is ahead of one that had a smaller budget"),
    ):
        few = runs[~((runs["optimizer"] == fewer) & (runs["lr"] == 0.001))]
        (finding,) = findings_of("budgets", few, metrics)
        assert (finding.severity, finding.undermines) == (severity, undermines)
        assert consequence in finding.text


def test_longer_training_is_a_larger_budget():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25})
    longer = runs.assign(steps=runs["steps"].where(runs["optimizer"] == "adamw", 200))
    (finding,) = [f for f in audited(longer, metrics) if f.kind == "budget"]
    assert "Tuning budgets differ: steps per run (Adam+L2 200, AdamW 100);" in finding.text
    slightly = runs.assign(steps=runs["steps"].where(runs["optimizer"] == "adamw", 110))
    (finding,) = findings_of("budgets", slightly, metrics)
    assert "selected settings differ in steps: Adam+L2 110, AdamW 100" in finding.text


def test_more_selection_seeds_are_a_larger_budget():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, seeds=14)
    evaluated = runs["seed"].between(8, 13) & (runs["lr"] == 0.1)  # evaluation seeds of both
    tried = runs["seed"] < runs["optimizer"].map({"adam_l2": 8, "adamw": 1})
    texts = {f.kind: f.text for f in audited(runs[tried | evaluated], metrics)}
    assert (
        "Tuning budgets differ: selection seeds per setting (Adam+L2 8, AdamW 1);"
        in texts["budget"]
    )
    alike = runs[(runs["seed"] < 3) | (evaluated & (runs["optimizer"] == "adamw"))]
    assert findings_of("budgets", alike, metrics) == []


def test_seeds_of_a_single_setting_are_no_tuning_budget():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.1,), seeds=10)
    fewer = runs[(runs["optimizer"] == "adamw") | (runs["seed"] < 5)]
    assert findings_of("budgets", fewer, metrics) == []


def test_unequal_quantities_are_one_finding():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.001, 0.01, 0.1, 1.0))
    steps = runs["optimizer"].map({"adam_l2": 1000, "adamw": 100})
    most = (runs["optimizer"] == "adam_l2") | ((runs["lr"] > 0.001) & (runs["seed"] < 2))
    (finding,) = findings_of("budgets", runs.assign(steps=steps)[most], metrics)
    assert (
        "settings (Adam+L2 4, AdamW 3); selection seeds per setting (Adam+L2 6, AdamW 2); "
        "steps per run (Adam+L2 1000, AdamW 100)" in finding.text
    )


def test_budgets_of_many_optimizers_are_grouped():
    names = {f"optimizer{i}": 0.3 for i in range(9)}
    runs, metrics = study(names, lrs=(0.001, 0.01, 0.1, 1.0))
    few = runs[~((runs["optimizer"] == "optimizer4") & (runs["lr"] == 0.001))]
    text = next(f.text for f in findings_of("budgets", few, metrics))
    listed = ", ".join(f"optimizer{i}" for i in (0, 1, 2, 3, 5, 6, 7))
    assert f"settings (4 of {listed} and optimizer8, 3 of optimizer4);" in text
