"""The groups of a plan and its header."""

from adamcmp.execution.plan_contents import PlanHeader, PlannedGroup, installed_versions
from adamcmp.platform.provenance import package_version


def test_a_group_restricted_to_some_runs(specs):
    one, two = specs(["seeds=2"])
    group = PlannedGroup((one, two), {one.run_id: 1, two.run_id: 2})
    assert group.only({two.run_id, "other"}) == PlannedGroup((two,), {two.run_id: 2})


def test_the_runs_of_a_plan():
    header = PlanHeader((), share_runs=(3, 4, 5), share_seconds=(1.0, None, None))
    assert (header.runs, header.ungrouped_runs) == (12, 9)


def test_the_versions_of_a_plan():
    assert PlanHeader(()).versions == installed_versions()
    assert installed_versions()["torch"] == package_version("torch")
