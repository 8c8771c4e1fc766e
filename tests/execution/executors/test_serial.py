"""Tasks that run in this process."""

from adamcmp.execution.executors import Result, Serial, Task
from tests.support.toy_tasks import echo, leave_unusable, wait_for_stop


def test_a_task_runs_when_it_is_polled_for():
    ran = []
    executor = Serial()
    handles = executor.submit([Task(lambda argument, *_: ran.append(argument), n) for n in (1, 2)])
    assert ran == []
    assert executor.poll() == [Result(handles[0], None)] and ran == [1]


def test_a_cancelled_task_is_dropped():
    executor = Serial()
    handles = executor.submit([Task(echo, 1), Task(echo, 2)])
    executor.cancel(handles[1:])
    assert executor.poll() == [Result(handles[0], 1)] and executor.poll() == []


def test_the_running_task_is_asked_to_stop():
    executor = Serial(lambda: 15)
    (handle,) = executor.submit([Task(wait_for_stop, 0)])
    assert executor.poll() == [Result(handle, "stopped")]


def test_an_unusable_process_is_only_a_result():
    executor = Serial()
    (handle,) = executor.submit([Task(leave_unusable, 3)])
    assert executor.poll() == [Result(handle, 3)]


def test_what_a_task_prints_goes_to_stderr(capfd):
    def prints(argument, report, should_stop):
        print("from the user's model")

    executor = Serial()
    executor.submit([Task(prints, 0)])
    executor.poll()
    assert capfd.readouterr() == ("", "from the user's model\n")
