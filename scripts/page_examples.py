"""The examples of a Markdown page: its code blocks, run as a reader would, and their output.

- A bash or python block is run, all blocks of a page in one folder.
- A block whose first line is a comment with a file name, such as ``# mynets.py``, is that file.
- A block after the line ``<!-- not run -->`` is not run.
- A text block right after a block that is run shows its output.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w./-]+\.(?:py|yaml))\n")
_NOT_RUN = "<!-- not run -->\n"


@dataclass(frozen=True)
class Example:
    """A code block of a page.

    Attributes:
        language: ``bash``, ``python`` or ``yaml``.
        code: Its text.
        output: Where the page shows its output: the first and last position; None if it does not.
    """

    language: str
    code: str
    output: tuple[int, int] | None

    @property
    def file(self) -> str | None:
        """The name of the file that the block is; None if it is run."""
        match = _FILE.match(self.code)
        return match[1] if match else None


def examples(page: str) -> Iterator[Example]:
    """Yield the examples of a page's text, in order."""
    fences = [*_FENCE.finditer(page)]
    for fence, following in zip_longest(fences, fences[1:]):
        language, code = fence.groups()
        if language in ("bash", "python", "yaml") and not page[: fence.start()].endswith(_NOT_RUN):
            shown = following and following[1] == "text"
            shown = shown and not page[fence.end() : following.start()].strip()
            yield Example(language, code, following.span(2) if shown else None)


def run(example: Example, folder: Path) -> str:
    """Write the file of an example, or run it.

    Args:
        example: The example.
        folder: The working directory, which the examples of a page share.

    Returns:
        What it printed to stdout; empty for a file.

    Raises:
        RuntimeError: If it fails.
    """
    if example.file:
        path = folder / example.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(example.code, encoding="utf-8")
    if example.file or example.language == "yaml":
        return ""
    shell = ["bash", "-euo", "pipefail", "-c"]
    command = shell if example.language == "bash" else [sys.executable, "-c"]
    done = subprocess.run(
        [*command, example.code], cwd=folder, env=_environment(), capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{example.code}\nexit code {done.returncode}\n{done.stderr}")
    return done.stdout


def _environment() -> dict[str, str]:
    """Return the environment of a reader: this Python's programs, the default results folder."""
    programs = str(Path(sys.executable).parent)
    inherited = {k: v for k, v in os.environ.items() if k != "ADAMCMP_RESULTS"}
    return {**inherited, "PATH": f"{programs}:{os.environ['PATH']}", "COLUMNS": "80"}
