"""Groups are submitted and stored; those that crash, die or stop are submitted again."""

import pytest

from adamcmp.errors import ConfigError, Interrupted, StoreError
from adamcmp.execution import reservations as reservations_module
from adamcmp.execution import scheduler
from adamcmp.execution.executors import Executor, Handle, Result, WorkerProcessDied
from adamcmp.execution.heartbeats import Heartbeat
from adamcmp.execution.liveness import process_statuses
from adamcmp.execution.observer import Observer
from adamcmp.execution.queue_files import (
    Share,
    create_lease,
    done_file,
    list_queue,
    plan_file,
    remove_plan,
)
from adamcmp.execution.reservations import Reservations
from adamcmp.execution.scheduler import Scheduler
from adamcmp.execution.signals import TIME_OVER
from adamcmp.planning.grouping import LaneGroup
from adamcmp.storage import reader
from adamcmp.storage.folder import Folder
from adamcmp.storage.store import Store
from adamcmp.training.outcome import Done, Failed, Stopped
from tests.conftest import CPU
from tests.support.training_elsewhere import plan_of


class Scripted(Executor):
    """An executor whose results a function of the group returns, or raises.

    Attributes:
        arguments: The groups of all submitted tasks and their checkpoints, in order.
        cancelled: The handles of cancelled tasks.
        most: The largest number of tasks that ran at once.
    """

    slots = 2

    def __init__(self, result_of):
        self.result_of, self.arguments, self.cancelled, self.most = result_of, [], [], 0
        self._running = {}

    def submit(self, tasks):
        handles = [Handle(str(len(self.arguments) + i)) for i in range(len(tasks))]
        self.arguments += [task.argument for task in tasks]
        self._running |= zip(handles, tasks, strict=True)
        self.most = max(self.most, len(self._running))
        return handles

    def poll(self, on_progress=None):
        if not self._running:
            return []
        handle = next(iter(self._running))
        task = self._running.pop(handle)
        return [Result(handle, self.result_of(task.argument[0]))]

    def cancel(self, handles):
        self.cancelled += handles

    def close(self):
        pass

    @property
    def seeds(self):
        """The seeds of each submitted group."""
        return [[s.config.protocol.seed for s in group.specs] for group, _ in self.arguments]


def done(group):
    ended = {"status": "done", "steps": 3, "stopped_at_step": None, "wall_time_s": 1.0}
    return Done([{**spec.columns(), **ended} for spec in group.specs])


def failed(group):
    return Failed("ValueError: in the model", tuple(group.run_ids))


def as_planned(groups):
    return [LaneGroup(group.specs) for group in groups]


def seeds(group):
    return [spec.config.protocol.seed for spec in group.specs]


@pytest.fixture
def study(results):
    """A new study."""
    store = Store(results / "s")
    store.open_for_training(CPU, [], {})
    return store


@pytest.fixture
def schedule(study):
    """Train groups; return the executor, the result of each group given by a function."""

    def scheduled(groups, result_of, observer=None, interrupted=lambda: None):
        executor = Scripted(result_of)
        scheduled.executor = executor
        runs = sum(len(group.specs) for group in groups)
        with Heartbeat(study.files, 180.0, 60.0) as heartbeat:
            study.files.create(plan_file(1), plan_of([groups], heartbeat.worker))
            reservations = Reservations(study, heartbeat, frozenset({1}), as_planned)
            Scheduler(
                executor, study, reservations, runs, observer or Observer(), 30.0, interrupted
            ).run()
        return executor

    return scheduled


@pytest.fixture
def seconds(monkeypatch):
    """Seconds pass only when the scheduler sleeps; returns a function that tells how many."""
    passed = [0.0]

    def sleep(duration):
        passed[0] += duration
        assert passed[0] < 10_000

    monkeypatch.setattr(scheduler.time, "sleep", sleep)
    monkeypatch.setattr(scheduler.time, "monotonic", lambda: 1e6 + passed[0])
    return lambda: passed[0]


@pytest.fixture
def shared(study):
    """Train the shares of plan 1 that no other worker has; the result of a group is given."""

    def scheduled(result_of, observer=None, interrupted=lambda: None):
        executor = Scripted(result_of)
        with Heartbeat(study.files, 180.0, 60.0) as heartbeat:
            reservations = Reservations(study, heartbeat, frozenset({1}), as_planned)
            Scheduler(
                executor, study, reservations, 9, observer or Observer(), 30.0, interrupted
            ).run()
        return executor

    return scheduled


def publish(study, shares, owner=""):
    study.files.create(plan_file(1), plan_of(shares, owner))


def statuses(study):
    """Return the stored statuses by seed."""
    runs, _ = reader.load(study.folder)
    return dict(zip(runs["seed"], runs["status"], strict=True))


def test_the_last_share_stays_done_when_the_queue_is_listed_again(specs, study):
    """An attached plan ends with its process, so no file says that its last share is done."""
    groups = [LaneGroup((spec,)) for spec in specs(["seed=range(2)"])]
    with Heartbeat(study.files, 180.0, 60.0) as heartbeat:
        study.files.create(plan_file(1), plan_of([[one] for one in groups], heartbeat.worker))
        reservations = Reservations(study, heartbeat, frozenset({1}), as_planned)
        while taken := reservations.take():
            reservations.mark_stored(taken[0].run_ids)
        reservations.refresh()
        assert not reservations.waiting_for_others


def test_groups_are_submitted_in_order_while_slots_are_free(specs, study, schedule):
    groups = [LaneGroup((spec,)) for spec in specs(["seed=range(5)"])]
    executor = schedule(groups, done)
    assert executor.seeds == [[0], [1], [2], [3], [4]] and executor.most == Scripted.slots
    assert statuses(study) == dict.fromkeys(range(5), "done")


def test_a_crashed_group_is_halved_down_to_the_lane(specs, study, schedule):
    executor = schedule(
        [LaneGroup(tuple(specs(["seed=range(8)"])))],
        lambda group: failed(group) if 5 in seeds(group) else done(group),
    )
    assert executor.seeds[:3] == [[*range(8)], [0, 1, 2, 3], [4, 5, 6, 7]]
    assert [len(group) for group in executor.seeds] == [8, 4, 4, 2, 2, 1, 1]
    assert statuses(study) == {**dict.fromkeys(range(8), "done"), 5: "failed"}


def test_halves_resume_from_the_checkpoint_of_the_whole_group(specs, study, schedule):
    whole = LaneGroup(tuple(specs(["seed=range(2)"])))
    executor = schedule(
        [whole], lambda group: failed(group) if len(group.specs) > 1 else done(group)
    )
    first, *halves = (checkpointing for _, checkpointing in executor.arguments)
    assert first.path == study.checkpoints.path(whole.run_ids)
    assert [half.source for half in halves] == [first.path] * 2
    assert len({each.path for each in (first, *halves)}) == 3


@pytest.mark.parametrize(("deaths", "status"), [(1, "done"), (2, "failed")])
def test_a_run_whose_worker_dies_is_tried_once_more(deaths, status, specs, study, schedule):
    left = [WorkerProcessDied("The worker process was killed by signal 9.")] * deaths
    executor = schedule(
        [LaneGroup(tuple(specs(["seed=0"])))], lambda group: left.pop() if left else done(group)
    )
    assert len(executor.arguments) == 2 and statuses(study) == {0: status}
    if status == "failed":
        assert "signal 9" in reader.load(study.folder)[0].loc[0, "error"]


def test_a_group_that_was_stopped_is_submitted_again(specs, study, schedule):
    """A signal that reaches only one worker stops the group of that worker, not the sweep."""
    stops = [Stopped()]
    executor = schedule(
        [LaneGroup((spec,)) for spec in specs(["seed=0,1,2"])],
        lambda group: stops.pop() if stops else done(group),
    )
    assert executor.seeds == [[0], [1], [0], [2]]
    assert statuses(study) == dict.fromkeys(range(3), "done")


def test_a_signal_stores_what_has_ended_and_stops_the_rest(specs, study, schedule):
    ended, notices = [], []

    def result_of(group):
        ended.append(group)
        return done(group) if len(ended) <= 2 else Stopped()

    with pytest.raises(Interrupted, match="2 of 5 runs were trained") as interrupt:
        schedule(
            [LaneGroup((spec,)) for spec in specs(["seed=range(5)"])],
            result_of,
            Observer(on_notice=notices.append),
            lambda: 15 if len(ended) == 2 else None,
        )
    assert interrupt.value.number == 15 and len(schedule.executor.cancelled) == 1
    assert statuses(study) == {0: "done", 1: "done"} and "checkpoints" in notices[0]


def test_an_error_stores_the_groups_that_ended_before(specs, study, schedule):
    def result_of(group):
        if seeds(group) == [2]:
            raise ConfigError("this group cannot be trained")
        return done(group)

    with pytest.raises(ConfigError):
        schedule([LaneGroup((spec,)) for spec in specs(["seed=range(4)"])], result_of)
    assert statuses(study) == {0: "done", 1: "done"}


@pytest.mark.parametrize(("seconds", "parts"), [(3600.0, 1), (0.0, 4)])
def test_groups_that_end_within_a_second_share_a_part(
    seconds, parts, specs, study, schedule, monkeypatch
):
    monkeypatch.setattr(scheduler, "FLUSH_SECONDS", seconds)
    schedule([LaneGroup((spec,)) for spec in specs(["seed=range(4)"])], done)
    assert len(reader.part_names(study.folder)) == parts


def test_the_progress_is_published(specs, study, schedule, monkeypatch):
    monkeypatch.setattr(scheduler, "FLUSH_SECONDS", 0.0)
    published = {}
    monkeypatch.setattr(
        Heartbeat, "publish", lambda beat, runs, done, left: published.setdefault((runs, done))
    )
    schedule([LaneGroup((spec,)) for spec in specs(["seed=range(3)"])], done)
    assert [*published] == [(3, 0), (3, 1), (3, 2), (3, 3)]
    assert process_statuses(study.folder) == []


def test_a_share_that_another_worker_trains_is_waited_for(
    specs, study, shared, seconds, monkeypatch
):
    """The queue is listed seldom meanwhile."""
    one, two = (LaneGroup((spec,)) for spec in specs(["seed=0,1"]))
    publish(study, [[one], [two]])
    listings = []

    def counted(files):
        listings.append(seconds())
        if seconds() > 150:
            study.append([{**two.specs[0].columns(), "status": "done"}], [])
            files.replace(done_file(Share(1, 1)), b"{}")
        return list_queue(files)

    monkeypatch.setattr(reservations_module, "list_queue", counted)
    with Heartbeat(study.files, 180.0, 60.0) as other:
        assert create_lease(study.files, Share(1, 1), 1, other.worker)
        executor = shared(done)
    assert executor.seeds == [[0]] and statuses(study) == {0: "done", 1: "done"}
    assert 150 < seconds() < 200 and len(listings) < 25
    assert not list_queue(study.files).plans


def test_the_share_of_a_worker_that_dies_is_trained(specs, study, shared, seconds, monkeypatch):
    one, two = (LaneGroup((spec,)) for spec in specs(["seed=0,1"]))
    publish(study, [[one], [two]])
    other = Heartbeat(study.files, 180.0, 60.0).__enter__()
    assert create_lease(study.files, Share(1, 1), 1, other.worker)
    sleep = scheduler.time.sleep

    def sleep_and_die(duration):
        sleep(duration)
        if other.worker in list_queue(study.files).workers and seconds() > 100:
            other.__exit__()

    monkeypatch.setattr(scheduler.time, "sleep", sleep_and_die)
    assert shared(done).seeds == [[0], [1]]
    assert statuses(study) == {0: "done", 1: "done"} and 100 < seconds() < 140


@pytest.mark.parametrize("owner", ["", "another process"])
def test_a_plan_that_is_removed_while_its_runs_are_trained(
    owner, specs, study, shared, monkeypatch
):
    """The groups of its shares that wait are not trained any more."""
    monkeypatch.setattr(scheduler, "FLUSH_SECONDS", 0.0)
    publish(study, [[LaneGroup((spec,)) for spec in specs(["seed=range(5)"])]], owner)
    notices = []

    def result_of(group):
        if seeds(group) == [1]:
            remove_plan(study.files, 1)
            # As if half of the length of the lease had passed.
            monkeypatch.setattr(Reservations, "refresh_is_due", True)
        return done(group)

    executor = shared(result_of, Observer(on_notice=notices.append))
    assert executor.seeds == [[0], [1], [2]] and len(executor.cancelled) == 1
    assert statuses(study) == {0: "done"}
    assert all("The results of 1 run are not stored" in text for text in notices)


def test_an_owner_whose_plan_is_removed_looks_before_it_stores(specs, study, schedule, monkeypatch):
    monkeypatch.setattr(scheduler, "FLUSH_SECONDS", 0.0)

    def result_of(group):
        if seeds(group) == [1]:
            remove_plan(study.files, 1)
        return done(group)

    executor = schedule([LaneGroup((spec,)) for spec in specs(["seed=range(6)"])], result_of)
    assert len(executor.arguments) == 3 and statuses(study) == {0: "done"}


def test_a_plan_that_is_removed_during_a_slow_write(specs, study, schedule, monkeypatch):
    """The rows that are not committed yet are not stored."""
    create = Folder.create

    def create_and_cancel(files, name, content):
        create(files, name, content)
        if name.startswith("metrics/"):
            remove_plan(files, 1)

    monkeypatch.setattr("adamcmp.storage.parts.SLOW_SECONDS", -1.0)
    monkeypatch.setattr(Folder, "create", create_and_cancel)
    schedule([LaneGroup((spec,)) for spec in specs(["seed=0,1"])], done)
    assert not study.statuses()


@pytest.mark.parametrize("stored_before", [True, False])
@pytest.mark.parametrize("loss", [0.5, 0.25])
def test_late_results(loss, stored_before, specs, study, shared):
    """Another worker takes over and stores a share. Equal bits pass, others are an error."""
    one, two = (LaneGroup((spec,)) for spec in specs(["seed=0,1"]))
    publish(study, [[one], [two]], "another process")
    same = {"hardware": "h", "adamcmp_version": "1", "torch_version": "2"}
    notices = []

    def store_by_another_worker():
        rows = [{**row, **same, "test_loss": 0.5} for row in done(two).runs]
        study.append(rows, [], (), dict.fromkeys(two.run_ids, 0))
        study.files.replace(done_file(Share(1, 1)), b"{}")

    def result_of(group):
        if group == two:
            create_lease(study.files, Share(1, 1), 2, "another worker")
            if stored_before:
                store_by_another_worker()
        return Done([{**row, **same, "test_loss": loss} for row in done(group).runs])

    def on_notice(text):
        notices.append(text)
        if not stored_before:
            store_by_another_worker()

    def train():
        return shared(result_of, Observer(on_notice=on_notice))

    if loss == 0.5:
        train()
        assert len(notices) == 1 and "another worker has taken over" in notices[0]
    else:
        with pytest.raises(StoreError, match=r"test_loss is 0\.5 in the study and 0\.25 in this"):
            train()
    # The group that ended together with the late one is stored in each case.
    runs, _ = reader.load(study.folder)
    assert dict(zip(runs["seed"], runs["test_loss"], strict=True)) == {0: loss, 1: 0.5}


def test_late_results_are_compared_before_a_worker_stops(specs, study, shared):
    """Another worker stores the run, with other bits, before the time limit."""
    (group,) = (LaneGroup((spec,)) for spec in specs(["seed=0"]))
    publish(study, [[group]], "another process")
    same = {"hardware": "h", "adamcmp_version": "1", "torch_version": "2"}
    stop = []

    def result_of(group):
        create_lease(study.files, Share(1, 0), 2, "another worker")
        return Done([{**row, **same, "test_loss": 0.25} for row in done(group).runs])

    def on_notice(text):
        if not stop:
            stop.append(TIME_OVER)
            rows = [{**row, **same, "test_loss": 0.5} for row in done(group).runs]
            study.append(rows, [], (), dict.fromkeys(group.run_ids, 0))

    with pytest.raises(StoreError, match=r"test_loss is 0\.5 in the study and 0\.25 in this"):
        shared(result_of, Observer(on_notice=on_notice), lambda: stop[0] if stop else None)


def test_a_stopped_group_of_a_lost_share_is_not_submitted_again(specs, study, shared, monkeypatch):
    publish(study, [[LaneGroup((spec,)) for spec in specs(["seed=0,1"])]])

    def result_of(group):
        remove_plan(study.files, 1)
        monkeypatch.setattr(Reservations, "refresh_is_due", True)
        return Stopped()

    executor = shared(result_of)
    assert executor.seeds[:2] == [[0], [1]] and len(executor.arguments) <= 3
    assert study.outcomes() == {}
