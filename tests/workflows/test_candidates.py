"""Candidate seeds of settings that were added later."""

from adamcmp.analysis import RunTable
from adamcmp.workflows.candidates import missing_candidate_seeds
from tests.support.gridded import runs, stacked


def at(lrs, seeds, first=0):
    """Return runs whose error increases with lr."""
    frame = runs(lambda x, y: x + 3, [(lr, 0) for lr in lrs], seeds)
    return frame.assign(seed=frame["seed"] + first, run_id=frame["run_id"] + f" {first}")


#: Ten settings with two selection seeds, the best five with three candidate seeds.
CANDIDATES = stacked(at(range(10, 20), 2), at(range(10, 15), 3, 2))


def settings_and_seeds(frame):
    """Return the lr and the seeds of the settings that lack candidate seeds."""
    missing = missing_candidate_seeds(RunTable(frame))
    return {frame.set_index("run_id")["lr"][run_id]: seeds for run_id, seeds in missing.items()}


def test_leading_settings_get_the_seeds_of_the_candidates():
    """The worst of the five best settings are not among them any more."""
    assert settings_and_seeds(CANDIDATES) == {}
    assert settings_and_seeds(stacked(CANDIDATES, at(range(20, 30), 2))) == {}
    wider = stacked(CANDIDATES, at([8, 9, *range(20, 30)], 2))
    assert settings_and_seeds(wider) == {8: (2, 3, 4), 9: (2, 3, 4)}
    assert settings_and_seeds(stacked(wider, at([8], 3, 2))) == {9: (2, 3, 4)}


def test_candidates_are_half_of_the_settings_at_most():
    """Else all settings have their seeds, which are selection seeds then."""
    missing = settings_and_seeds(stacked(CANDIDATES, at([9], 2)))
    assert missing == dict.fromkeys([9, *range(15, 20)], (2, 3, 4))
    complete = stacked(CANDIDATES, at([9], 2), at(missing, 3, 2))
    assert settings_and_seeds(complete) == {}
    assert RunTable(complete).ranked()["selection_seed"].all()


def test_a_study_without_candidates_gets_none():
    assert settings_and_seeds(stacked(at(range(10, 20), 2), at([10], 5, 2))) == {}
