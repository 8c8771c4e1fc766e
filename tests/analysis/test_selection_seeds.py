"""Which seeds of hand-made runs are selection, candidate and evaluation seeds."""

import pandas as pd

from adamcmp.analysis.selection_seeds import candidates_of, shared_seeds

#: Ten settings on seeds 0 and 1.
GRID = [(setting, seed) for setting in "abcdefghij" for seed in (0, 1)]
FURTHER = [(setting, seed) for setting in "abcde" for seed in (2, 3)]


def columns(pairs):
    frame = pd.DataFrame(pairs, columns=["setting", "seed"])
    return frame["seed"], frame["setting"]


def test_selection_seeds_are_those_of_all_settings():
    assert shared_seeds(*columns([*GRID, *FURTHER])) == {0, 1}
    assert shared_seeds(*columns([("a", 0), ("b", 1)])) == {0, 1}


def test_candidates_have_seeds_that_at_most_half_of_the_settings_have():
    assert candidates_of(*columns([*GRID, *FURTHER, ("a", 4)])) == (set("abcde"), {2, 3})
    assert candidates_of(*columns([*GRID, *FURTHER, ("f", 2), ("f", 3)])) == (set(), set())


def test_seeds_of_few_settings_are_evaluation_seeds():
    assert candidates_of(*columns([*GRID, *FURTHER[:8]])) == (set(), set())


def test_a_setting_that_lacks_a_candidate_seed_is_no_candidate():
    grid = [*GRID, *((setting, seed) for setting in "kl" for seed in (0, 1))]
    assert candidates_of(*columns([*grid, *FURTHER, ("f", 2)])) == (set("abcde"), {2, 3})


def test_missing_runs_of_a_grid_make_no_candidates():
    assert candidates_of(*columns([pair for pair in GRID if pair != ("f", 1)])) == (set(), set())
