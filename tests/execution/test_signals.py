"""The first signal is recorded, the second one ends the process."""

import os
import signal
import threading

import pytest

from adamcmp.errors import Interrupted
from adamcmp.execution.signals import ENDING_SIGNALS, deferred_signals


@pytest.fixture(autouse=True)
def default_handlers():
    """Ignore no signal: a shell starts background processes with SIGINT ignored."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in ENDING_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING_SIGNALS)
def test_the_first_signal_is_recorded_and_the_second_one_raises(number):
    with deferred_signals() as interrupted:
        assert interrupted() is None
        os.kill(os.getpid(), number)
        assert interrupted() == number
        with pytest.raises(Interrupted) as raised:
            os.kill(os.getpid(), signal.SIGTERM)
        assert raised.value.number == signal.SIGTERM and not str(raised.value)


def test_the_handlers_are_restored():
    before = [signal.getsignal(number) for number in ENDING_SIGNALS]
    with pytest.raises(ValueError, match="any"), deferred_signals():
        raise ValueError("any")
    assert [signal.getsignal(number) for number in ENDING_SIGNALS] == before


def test_an_ignored_signal_stays_ignored():
    """As SIGHUP is under ``nohup``."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with deferred_signals() as interrupted:
        os.kill(os.getpid(), signal.SIGHUP)
        assert interrupted() is None


def test_another_thread_than_the_main_one_changes_no_handler():
    seen = []

    def run():
        with deferred_signals() as interrupted:
            seen.extend([signal.getsignal(signal.SIGTERM), interrupted()])

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before, None]
