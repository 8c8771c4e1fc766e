"""A preview lists what would be trained, and writes nothing."""

from adamcmp.execution.execute import execute
from adamcmp.execution.executors import Serial
from adamcmp.execution.observer import Observer
from adamcmp.execution.preview import preview
from tests.support.studies import SMALL

RUNS = [*SMALL, "seed=0,1,2", "steps=2", "engine=eager", "study=s"]


def test_a_preview_writes_nothing_and_plans_what_is_trained(composer, results):
    config = composer.sweep(RUNS)
    planned = preview(config, Serial())
    assert not results.exists()
    events = []
    execute(config, Observer(on_planned=lambda *event: events.append(event)))
    ((plan, groups),) = events
    assert (planned.plan.run_ids, planned.groups) == (plan.run_ids, groups)
    assert preview(config, Serial()).groups == ()
