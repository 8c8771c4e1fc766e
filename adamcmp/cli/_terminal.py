"""Text for a terminal: in its encoding, wrapped to its width, and what a slow command is doing."""

from __future__ import annotations

import codecs
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from adamcmp.platform.progress import shows_progress

#: Seconds after which a command shows what it is doing.
PATIENCE = 2.0
#: Error handler for streams: writes signs that the stream cannot encode in ASCII.
ASCII_SIGNS = "adamcmp_ascii_signs"
#: "?" in place of a minus sign would hide which optimizer is ahead.
_ASCII = {
    **{"−": "-", "–": "-", "…": "...", "×": "x", "·": "*", "±": "+-", "√": "sqrt", "•": "*"},
    **{"←": "<-", "²": "^2", "Σ": "sum ", "θ": "theta"},
}


def _ascii_signs(error: UnicodeError) -> tuple[str, int]:
    """Return ASCII for the signs that cannot be encoded, and the position after them."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(_ASCII.get(sign, "?") for sign in signs), error.end


codecs.register_error(ASCII_SIGNS, _ascii_signs)


def width() -> int:
    """Return the number of columns that tables may have: those of the terminal, at least 80."""
    return max(80, shutil.get_terminal_size((80, 24)).columns)


def elided(text: str, length: int) -> str:
    """Return a text of at most `length` characters, without its middle if it is longer.

    >>> elided("mnist1d_with_label_noise", 15)
    'mnist1d…l_noise'
    """
    if len(text) <= length:
        return text
    end = (length - 1) // 2
    return f"{text[: length - 1 - end]}…{text[len(text) - end :]}"


def wrapped(text: str, indent: str = "") -> str:
    """Return a text wrapped to the width of the terminal; unchanged unless stdout is a terminal.

    Args:
        text: One or several lines.
        indent: Start of each line after the first that a line is wrapped into.
    """
    if sys.stdout is None or not sys.stdout.isatty():  # None if closed, as with `>&-`
        return text
    width = shutil.get_terminal_size().columns
    lines = (
        textwrap.fill(line, width, subsequent_indent=indent, break_on_hyphens=False)
        for line in text.splitlines()
    )
    return "\n".join(lines)


def notify(text: str) -> None:
    """Print a message to stderr."""
    print(f"adamcmp: {text}", file=sys.stderr)


@contextmanager
def shown_if_slow(activity: str) -> Iterator[None]:
    """Show on stderr what a command is doing if that takes long; see `shows_progress`.

    Args:
        activity: What is being done, such as ``writing the report``.
    """
    if not shows_progress():
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_show, args=(activity, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _show(activity: str, ended: threading.Event) -> None:
    """Rewrite one line with the elapsed time every second, and erase it at the end."""
    started = time.monotonic()
    line = ""
    while not ended.wait(1.0 if line else PATIENCE):
        line = f"{activity} ... {time.monotonic() - started:.0f} s"
        print(f"\r{line}", end="", file=sys.stderr, flush=True)
    if line:
        print(f"\r{' ' * len(line)}\r", end="", file=sys.stderr, flush=True)
