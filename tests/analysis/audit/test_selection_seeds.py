"""Many evaluation seeds after few selection seeds."""

from adamcmp.analysis import RunTable
from adamcmp.analysis.audit.selection_seeds import check
from tests.support.seeded_runs import runs_from


def test_the_seeds_of_selection_and_evaluation():
    grid = [("adamw", lr, seed, 0.2 + lr, 0.3) for lr in (0.1, 0.2) for seed in (0, 1)]
    evaluation = [("adamw", 0.1, seed, 0.3, 0.3) for seed in range(2, 22)]
    (finding,) = check(RunTable(runs_from([*grid, *evaluation])))
    assert finding.severity == "note" and "(AdamW 2 and 20)" in finding.text
    assert not list(check(RunTable(runs_from([*grid, *evaluation[:-1]]))))
    assert not list(check(RunTable(runs_from([*grid[:2], *evaluation]))))  # a single setting
