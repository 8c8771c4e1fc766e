"""The fairness audit: checks of the validity of a comparison.

Each check is a module with a function ``check(table)`` that yields findings, or none if it finds no
problem. Modules are collected automatically.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping

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

    >>> import pandas as pd
    >>> runs = pd.DataFrame({
    ...     "run_id": list("abcd"), "dataset": "mnist1d", "model": "mlp", "optimizer": "adamw",
    ...     "lr": [0.01, 0.01, 0.1, 0.1], "wd": 0.1, "study": "first",
    ...     "rule": "adam", "coupling": "decoupled", "steps": 9,
    ...     "seed": [0, 1, 0, 1], "status": "done", "torch_version": "2.9",
    ...     "val_error": [0.30, 0.32, 0.20, 0.24], "test_error": [0.31, 0.33, 0.22, 0.24],
    ... })
    >>> for finding in audit(RunTable.from_frames(runs)):
    ...     print(finding.kind, "-", finding.command)
    edge - adamcmp extend first
    few seeds - None

    Args:
        table: The runs, including failed ones, and their evaluations.

    Raises:
        ConfigError: If there is no validation split to select on.
    """
    findings = [finding for check in CHECKS.values() for finding in check(table)]
    return sorted(findings, key=lambda finding: finding.severity, reverse=True)


__all__ = ["CHECKS", "Check", "Finding", "audit"]
