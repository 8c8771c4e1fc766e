"""The findings of the audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One result of the audit.

    Attributes:
        kind: The category of the finding, such as ``"edge"``.
        severity: ``warning`` if a comparison is unfair or a claim unsafe, else ``note``.
        problem: The problem that it concerns.
        text: The finding as a sentence.
        command: A command that fixes it; None if no single command does.
    """

    kind: str
    severity: Severity
    problem: str
    text: str
    command: str | None = None
