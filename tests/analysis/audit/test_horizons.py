"""Rankings that are reversed earlier in training, or cannot be read then."""

import pytest

from adamcmp.analysis import RunTable
from adamcmp.analysis.audit.horizons import independent_of_budget, read_at, reversals
from tests.support.audited import audited, evaluations, findings_of, study


def test_restarts_are_read_at_the_ends_of_cycles_at_the_whole_budget():
    """Cycles end at steps 40 and 80 of 100; what stands at 100 is half way through a third."""
    runs, _ = study({"adam_l2": 0.3, "adamw": 0.25})
    runs = runs.assign(**{"schedule": "cosine_restarts", "schedule.T_0": 4, "schedule.T_mult": 1})
    early = {"adam_l2": 1.0, "adamw": 2.0}  # AdamW is behind at the ends of both cycles
    metrics = evaluations(runs, early, steps=(0, 40, 80, 100))
    assert reversals(RunTable.from_frames(runs, metrics)).empty
    constant = runs.assign(schedule="constant")
    assert reversals(RunTable.from_frames(constant, metrics))["share"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("columns", "is_read"),
    [
        ({"schedule": "constant"}, True),
        ({"schedule": "constant", "schedule.warmup": 0.1}, False),
        ({"schedule": "constant", "optimizer.normalized": True}, False),
        ({"schedule": "cosine"}, False),
        ({"schedule": None}, False),
    ],
)
def test_only_runs_whose_beginning_is_a_shorter_run_are_read(columns, is_read):
    runs, _ = study({"adam_l2": 0.3, "adamw": 0.25}, **columns)
    metrics = evaluations(runs, {"adam_l2": 1.0, "adamw": 2.0})
    assert [f.kind for f in findings_of("horizons", runs, metrics)] == ["horizon"] * 2 * is_read
    assert bool(findings_of("horizons", runs, metrics[:0])) == is_read
    one = runs.assign(schedule=runs["schedule"].where(runs.index != 0, "cosine"))
    assert independent_of_budget(RunTable.from_frames(one)).optimizers == ("adamw",) * is_read


def test_a_ranking_that_is_reversed():
    runs, _ = study({"adam_l2": 0.3, "adamw": 0.25}, schedule="constant")
    metrics = evaluations(runs, {"adam_l2": 1.0, "adamw": 2.0})
    actual = reversals(RunTable.from_frames(runs, metrics))
    assert actual[["share", "ahead", "behind"]].to_numpy().tolist() == [
        [0.25, "adam_l2", "adamw"],
        [0.5, "adam_l2", "adamw"],
    ]
    assert {finding.kind for finding in audited(runs, metrics)} == {"horizon"}
    level = evaluations(runs, {"adam_l2": 1.0, "adamw": 1.1})
    assert reversals(RunTable.from_frames(runs, level)).empty


def test_a_ranking_that_cannot_be_read_early_is_a_note():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, schedule="constant")
    beginning = "The ranking is unknown at"
    (finding,) = audited(runs, metrics[metrics["step"] == 100])
    assert finding.severity == "note" and finding.text == (
        f"{beginning} a quarter and half of the budget: Adam+L2 and AdamW have no evaluation by "
        f"then."
    )
    assert [f.text for f in audited(runs, metrics[:0])] == [finding.text]  # no curves at all
    of_adamw = metrics["run_id"].str.startswith("adamw")
    (finding,) = audited(runs, metrics[(metrics["step"] != 20) | ~of_adamw])
    assert f"{beginning} a quarter of the budget: AdamW has no evaluation" in finding.text
    one_optimizer = runs[runs["optimizer"] == "adamw"]
    assert audited(one_optimizer, metrics[:0]) == []  # no ranking


@pytest.mark.parametrize("known", ["val_error", "test_error"])
def test_curves_without_the_metrics_of_a_ranking_cannot_be_read(known):
    """Imported curves may hold other metrics than the end of a run."""
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, seeds=5, schedule="constant")
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
