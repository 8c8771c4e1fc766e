"""Whether progress is shown on stderr."""

import sys
from contextvars import copy_context

import pytest

from adamcmp.platform.progress import hide_progress, shows_progress


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_is_for_a_terminal(is_terminal, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    assert shows_progress() == is_terminal
    monkeypatch.setattr(sys, "stderr", None)  # closed
    assert not shows_progress()


def test_progress_is_hidden_in_a_context(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    def hidden():
        hide_progress()
        return shows_progress()

    assert not copy_context().run(hidden) and shows_progress()
