"""Whether what takes long is shown on stderr."""

from __future__ import annotations

import sys
from contextvars import ContextVar

_hidden = ContextVar("_hidden", default=False)


def hide_progress() -> None:
    """Show no progress from now on, as with ``--quiet`` and in worker processes."""
    _hidden.set(True)


def shows_progress() -> bool:
    """Return whether progress is shown: stderr is a terminal, and nobody has hidden it."""
    return not _hidden.get() and sys.stderr is not None and sys.stderr.isatty()
