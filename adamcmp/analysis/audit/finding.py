"""What the audit reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One result of the audit.

    Attributes:
        kind: Which defect it is, such as ``"edge"``.
        severity: ``warning`` where a comparison is unfair or a claim unsafe, else ``note``.
        problem: The problem that it concerns.
        text: What was found, as a sentence.
        command: A command that would fix it; None where no single command would.
    """

    kind: str
    severity: Severity
    problem: str
    text: str
    command: str | None = None
