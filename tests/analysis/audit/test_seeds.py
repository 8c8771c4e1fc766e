"""Selected settings with few or different seeds."""

from tests.support.audited import audited, study


def test_seeds_that_differ_or_are_few():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25})
    other = runs.assign(seed=runs["seed"].where(runs["optimizer"] == "adamw", runs["seed"] + 3))
    (finding,) = audited(other, metrics)
    assert finding.kind == "seeds" and "Adam+L2 6, AdamW 6; 3 shared" in finding.text
    (finding,) = audited(runs[runs["seed"] < 4], metrics)
    assert finding.kind == "few seeds" and "Adam+L2 4, AdamW 4" in finding.text
    assert finding.command == "adamcmp extend s seeds=5"
    (finding,) = audited(runs[runs["seed"] < 4].assign(torch_version=None), metrics)
    assert finding.command is None  # imported runs
