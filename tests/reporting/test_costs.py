"""The table of what a step of each optimizer costs."""

import adamcmp
from adamcmp.config import Composer
from adamcmp.planning.rule_costs import RuleCost, cache_costs, cost_key
from adamcmp.reporting.answer import compute_answer
from adamcmp.reporting.costs import cost_table
from tests.support.studies import THREE_STEPS


def test_costs_that_were_measured_are_those_of_the_stored_settings(results, tmp_path, monkeypatch):
    """Settings read back from a study have the same key as those of the component."""
    monkeypatch.setattr("adamcmp.planning.rule_costs.cache_folder", lambda: tmp_path)
    overrides = [*THREE_STEPS, "optimizer=adamw,sgd,prodigy", "lr=0.1,0.2", "study=s"]
    adamcmp.sweep(overrides)
    answer = compute_answer([results / "s"])
    assert not cost_table(answer).is_shown
    optimizers = {run.optimizer.name: run.optimizer for run in Composer().sweep(overrides).runs}
    costs = {name: RuleCost(i + 0.4, 2.0, 3.0, 4.0) for i, name in enumerate(("sgd", "prodigy"))}
    cache_costs({cost_key(optimizers[name].model_dump()): cost for name, cost in costs.items()})
    table = cost_table(answer)
    assert table.is_shown and "Do not compare optimizers by the column wall_time_s" in table.caption
    shown = {row["optimizer"]: row["mlp_us"] for row in table.data.to_dict("records")}
    assert shown == {"sgd": 0, "prodigy": 1}
