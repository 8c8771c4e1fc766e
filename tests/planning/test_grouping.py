"""Groups: runs of one kind, evenly divided, with ids that depend only on the runs."""

import pytest

from adamcmp.planning.grouping import LaneGroup, group_runs, resumed_groups
from tests.conftest import CPU

COMPILED = CPU.model_copy(update={"engine": "compiled"})


@pytest.fixture
def ten_specs(specs):
    return specs(["model=logistic", "seed=range(10)"], COMPILED)


def sizes(groups):
    return [len(group.specs) for group in groups]


def test_runs_are_divided_evenly_into_groups_of_at_most_the_width(ten_specs):
    assert sizes(group_runs(ten_specs, lambda members: 4)) == [3, 3, 4]
    assert sizes(group_runs(ten_specs, lambda members: 10)) == [10]
    assert [s for g in group_runs(ten_specs, lambda members: 4) for s in g.specs] == ten_specs


def test_runs_that_are_not_fused_are_single_lanes(specs):
    eager = specs(["model=logistic", "seed=range(3)"])
    groups = group_runs(eager, lambda members: 8)
    assert sizes(groups) == [1, 1, 1] and not any(group.fused for group in groups)


def test_runs_with_data_of_their_own_seed_share_groups_with_this_seed_only(specs):
    settings = ["model=logistic", "lr=1e-3,1e-2,1e-1,1", "seed=range(2)"]
    planned = specs([*settings, "data_seed=seed"], COMPILED)
    assert len({spec.run_kind for spec in planned}) == 1
    groups = group_runs(planned, lambda members: len(members) // 2)
    assert sizes(groups) == [4, 4]
    for group in groups:
        assert len({spec.config.protocol.seed for spec in group.specs}) == 1
    one_dataset = specs([*settings, "data_seed=7"], COMPILED)
    assert sizes(group_runs(one_dataset, lambda members: 8)) == [8]


def test_the_width_is_that_of_each_kind(specs):
    planned = specs(["model=logistic,mlp", "seed=range(4)"], COMPILED)
    width = {"logistic": 4, "mlp": 2}
    groups = group_runs(planned, lambda members: width[members[0].config.model.name])
    assert sizes(groups) == [4, 2, 2]


def test_an_id_depends_only_on_the_set_of_runs(ten_specs):
    group = LaneGroup(tuple(ten_specs))
    assert LaneGroup(tuple(ten_specs[::-1])).group_id == group.group_id
    assert LaneGroup(tuple(ten_specs[:9])).group_id != group.group_id


def test_halves(ten_specs):
    first, second = LaneGroup(tuple(ten_specs[:5])).halves()
    assert (first.specs, second.specs) == (tuple(ten_specs[:3]), tuple(ten_specs[3:5]))
    assert first.fused and second.fused


def test_runs_that_share_a_checkpoint_stay_together(ten_specs):
    """Also if the checkpoint holds further runs; the first checkpoint of a run counts."""
    ids = [spec.run_id for spec in ten_specs]
    checkpoints = [{*ids[:3], "of a run that has ended"}, set(ids[2:5]), {"of no requested run"}]
    groups = resumed_groups(ten_specs, checkpoints, lambda members: 5)
    assert [group.run_ids for group in groups] == [{*ids[:3]}, {*ids[3:5]}, {*ids[5:]}]
