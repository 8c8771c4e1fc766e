"""The events of an execution, in the order in which they happen."""

from adamcmp.execution.execute import execute
from adamcmp.execution.observer import Observer
from adamcmp.storage.store import Store
from tests.support.studies import SMALL

RUNS = [*SMALL, "seed=0,1", "steps=3", "eval.every_steps=1", "engine=eager", "study=s"]


def test_events(composer, results):
    events, stored = [], []

    def on_finished(group, outcome):
        events.append(("finished", group))
        stored.append(group.run_ids <= Store(results / "s").statuses().keys())

    observer = Observer(
        on_planned=lambda plan, groups: events.append(("planned", plan, groups)),
        on_progress=lambda group, progress: events.append(("progress", group)),
        on_finished=on_finished,
    )
    execute(composer.sweep(RUNS), observer)
    (_, plan, groups), *later = events
    assert len(plan.specs) == 2 and plan.costs.total_seconds(groups) is not None
    assert {group for _, group in later} == set(groups) and all(stored)
    for group in groups:
        assert later[-2:].count(("finished", group)) == 1
        assert later.index(("progress", group)) < later.index(("finished", group))


def test_nothing_to_train_is_planned_too(composer):
    execute(composer.sweep(RUNS))
    planned = []
    result = execute(
        composer.sweep(RUNS), Observer(on_planned=lambda *event: planned.append(event))
    )
    ((plan, groups),) = planned
    assert len(plan.specs) == 2 and groups == () and result.trained == ()
