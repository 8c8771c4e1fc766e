"""Plans as text and as JSON."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from adamcmp.cli.dry_run import as_json, as_text, format_duration
from adamcmp.execution.preview import Preview
from adamcmp.planning.cost_model import START_SECONDS, CostModel
from adamcmp.planning.plan import make_plan
from adamcmp.planning.timings import Timings
from tests.conftest import CPU

#: Ten steps and two evaluations of one run take two seconds.
TIMINGS = Timings({1: 0.1, 2: 0.1}, 0.5)


@pytest.fixture
def preview(composer):
    """Return the preview of a plan, with the first runs already trained."""

    def planned(*overrides, trained=0, timings=TIMINGS, **costs):
        config = composer.sweep([*overrides, "steps=10", "eval.every_steps=10", "wd=0"])
        plan = make_plan(config, CPU)
        model = CostModel(
            plan.run_kinds, dict.fromkeys(plan.run_kinds, timings) if timings else {}, **costs
        )
        pending = plan.with_costs(model).without(set(plan.run_ids[:trained]))
        return Preview(Path("results/s"), plan, pending, pending.groups())

    return planned


def test_runs_by_kind(preview):
    plan = preview("optimizer=adamw,sgd", "lr=1,2,3", trained=1)
    text = as_text(plan).splitlines()
    assert text[0] == "study s in results: 6 runs, 1 already exists, 5 to train"
    assert text[1].split() == [
        *("dataset", "model", "optimizer", "runs", "groups", "lanes", "steps", "time")
    ]
    kinds = [line.split() for line in text[3:5]]
    assert sorted(kind[:4] for kind in kinds) == [
        ["mnist1d", "mlp", "adamw", "2"],
        ["mnist1d", "mlp", "sgd", "3"],
    ]
    values = json.loads(as_json(plan))
    assert (values["runs"], values["left"], values["groups"]) == (6, 5, len(plan.groups))
    assert values["engine"] == "eager" and values["study"] == "s"
    assert sum(kind["runs"] for kind in values["kinds"]) == 5


def test_kinds_of_the_same_components_have_the_settings_that_differ(preview):
    plan = preview("optimizer=adamw,sgd", "model.width=8,16")
    lines = as_text(plan).splitlines()
    assert lines[1].split()[:4] == ["dataset", "model", "optimizer", "settings"]
    kinds = sorted(line.split()[2:4] for line in lines[3:7])
    assert kinds == [[o, f"model.width={w}"] for o in ("adamw", "sgd") for w in (16, 8)]
    assert {kind["settings"] for kind in json.loads(as_json(preview("seed=0,1")))["kinds"]} == {""}


def test_time_is_that_of_the_cost_model(preview):
    one, two = (preview("seed=range(8)", workers=workers) for workers in (1, 2))
    seconds = [json.loads(as_json(plan))["seconds"] for plan in (one, two)]
    expected = [plan.pending.costs.total_seconds(plan.groups) for plan in (one, two)]
    assert seconds == [round(value, 1) for value in expected] and seconds[0] > seconds[1]
    assert seconds[0] - START_SECONDS == pytest.approx(2 * (seconds[1] - START_SECONDS))
    assert f"about {format_duration(expected[0])} with 1 worker process, eager on cpu" in as_text(
        one
    )
    assert "with 2 worker processes" in as_text(two)
    bound = as_text(preview("seed=0", upper_bound=True))
    assert "at most about" in bound and "excluding compilation" in bound


def test_the_number_of_jobs(preview):
    plan = replace(preview("seed=range(8)", workers=6), jobs=2)
    assert "with 6 worker processes in 2 jobs, eager on cpu" in as_text(plan)
    assert json.loads(as_json(plan))["jobs"] == 2


def test_a_kind_without_timings(preview):
    plan = preview("seed=0,1", timings=None)
    assert json.loads(as_json(plan))["seconds"] is None
    text = as_text(plan)
    assert "duration unknown" in text and text.splitlines()[3].split()[-1] == "unknown"


def test_nothing_to_train(preview):
    plan = preview("seed=0,1", trained=2)
    assert as_text(plan) == "study s in results: 2 runs, 2 already exist, 0 to train"
    assert json.loads(as_json(plan))["seconds"] == 0


def test_the_reason_why_runs_are_not_fused(preview):
    reason = preview("model=gru").plan.specs[0].unfused_reason
    assert reason and f"one lane at a time: {reason}" in as_text(preview("model=gru", "seed=0,1"))


def test_many_runs_have_one_row_per_kind(preview):
    text = as_text(preview("model=logistic,mlp", "lr=logspace(1e-4,1e-1,25)", "seed=range(10)"))
    assert "500 runs, 0 already exist, 500 to train" in text
    assert [line.split()[3] for line in text.splitlines()[3:5]] == ["250", "250"]
    assert len(text.splitlines()) < 10
