"""Runs of a grid that differ in plain values of one composed config."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamcmp.config.grid_runs import (
    GridRuns,
    keys_overlap,
    replaces_plain_value,
    sets_plain_value,
)

KEYS = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=3).map(".".join)


@pytest.fixture
def grid_runs(composer):
    """Return a function that returns the runs of a grid of plain values."""

    def runs(overrides, values=(), in_grid=True):
        return GridRuns(
            {**composer.compose(values), "study": "s"}, composer.parse(overrides).axes, in_grid
        )

    return runs


def test_a_run_has_the_values_of_its_position(grid_runs):
    runs = grid_runs(["lr=0.1,0.2", "seed,wd=3:0,4:0.5"])
    run = runs.at((1, 0)).run
    assert (run.optimizer.lr, run.protocol.seed, run.optimizer.weight_decay) == (0.2, 3, 0.0)
    run = runs.at((0, 1)).run
    assert (run.optimizer.lr, run.protocol.seed, run.optimizer.weight_decay) == (0.1, 4, 0.5)


def test_runs_share_the_sections_in_which_they_agree(grid_runs):
    runs = grid_runs(["lr=0.1,0.2", "seed=0,1"])
    one, other = runs.at((0, 0)).run, runs.at((0, 1)).run
    assert one.optimizer is other.optimizer and one.model is other.model
    assert one.protocol is not other.protocol


def test_without_coupling_runs_of_a_grid_have_no_weight_decay(grid_runs):
    run = grid_runs(["wd=0.1,0.2"], ["optimizer.coupling=none"]).at((1,)).run
    assert run.optimizer.weight_decay == 0


@pytest.mark.parametrize(
    ("override", "is_plain"),
    [
        ("lr=0.1", True),
        ("grad_clip=null", True),
        ("optimizer.betas=[0.9,0.99]", True),
        ("eval={every:2}", False),
        ("lr=${eval.every}", False),
        ("+optimizer.x=1", False),
        ("++lr=1", False),
        ("~optimizer.betas", False),
    ],
)
def test_plain_values(composer, override, is_plain):
    assert sets_plain_value(composer.parse_override(override)) == is_plain


def test_keys_of_plain_values(composer):
    values = {"optimizer": {"lr": 0.1}, "seed": 0}
    for override, is_plain in (("lr=1", True), ("seed=1", True), ("optimizer={lr:1}", False)):
        assert replaces_plain_value(composer.parse_override(override), values) == is_plain


@given(KEYS, KEYS)
def test_keys_overlap_if_one_is_a_prefix_of_the_other(one, other):
    a, b = one.split("."), other.split(".")
    shorter = min(len(a), len(b))
    assert keys_overlap(one, other) == (a[:shorter] == b[:shorter]) == keys_overlap(other, one)
