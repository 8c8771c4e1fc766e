"""The findings of the audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

Severity = Literal["warning", "note"]

#: What findings on the edges of grids undermine.
ON_EDGES = "best settings on the edges of their grids"


@dataclass(frozen=True)
class Finding:
    """One result of the audit.

    Attributes:
        kind: The category of the finding, such as ``"edge"``.
        severity: ``warning`` if a comparison is unfair or a claim unsafe, else ``note``.
        problem: The problem that it concerns.
        text: The finding as a sentence.
        command: A command that fixes it; None if no single command does.
        undermines: Why the verdict on the problem is provisional, as a phrase; empty if the finding
            does not make it so.
    """

    kind: str
    severity: Severity
    problem: str
    text: str
    command: str | None = None
    undermines: str = ""


def extend_command(runs: pd.DataFrame, *overrides: str) -> str | None:
    """Return the command that adds runs to a study; None for several, and for imported runs."""
    studies = runs["study"].unique()
    if len(studies) != 1 or runs["torch_version"].isna().any():
        return None
    return " ".join(["adamcmp", "extend", str(studies[0]), *overrides])
