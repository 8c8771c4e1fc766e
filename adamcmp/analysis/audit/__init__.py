"""The fairness audit: checks of the validity of a comparison.

Each check is a module with a function ``check(table)`` that yields findings, or none if it finds no
problem. Modules are collected automatically.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.run_table import RunTable

Check = Callable[[RunTable], Iterator[Finding]]


def _collect() -> dict[str, Check]:
    modules = {
        module.name: importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    }
    return {name: module.check for name, module in modules.items() if hasattr(module, "check")}


#: The checks by the name of their module.
CHECKS: Mapping[str, Check] = _collect()


def audit(table: RunTable) -> list[Finding]:
    """Return the findings of all checks, warnings first.

    A command that several findings name is kept at the last of them.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> for finding in audit(table.where(table.runs["lr"] < 0.01)):
    ...     print(finding.kind, finding.severity, finding.command)
    edge warning adamcmp extend example
    samples note None
    training data note None

    Args:
        table: The runs, including failed ones, and their evaluations.

    Raises:
        ConfigError: If there is no validation split to select on.
    """
    findings = [finding for check in CHECKS.values() for finding in check(table)]
    # In descending alphabetical order, "warning" precedes "note".
    findings.sort(key=lambda finding: finding.severity, reverse=True)
    last = {finding.command: i for i, finding in enumerate(findings)}
    return [
        finding if last[finding.command] == i else replace(finding, command=None)
        for i, finding in enumerate(findings)
    ]


__all__ = ["CHECKS", "Check", "Finding", "audit"]
