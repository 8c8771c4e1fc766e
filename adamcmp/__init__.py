"""Compare optimizers (rule × coupling of weight decay) with statistical tests.

The functions of this module do what the commands of ``adamcmp`` do::

    import adamcmp

    row = adamcmp.run(["optimizer=adamw", "wd=0.01"])               # dict
    study = adamcmp.sweep(["optimizer=adam_l2,adamw", "seeds=5"])   # Study: .runs, .metrics
    result = adamcmp.search(["lr=interval(1e-4,1e-1)", "sampler=tpe", "n=64"])  # .best
    result = adamcmp.study("decoupling", scale="smoke")             # all stages and a report
    result = adamcmp.extend("first")                                # beyond the grids' edges
    result = adamcmp.settle("first")                                # until the audit is quiet
    report = adamcmp.report("first")                                # .answer.verdicts, .files
    study = adamcmp.load("first")                                   # Study: also .examples
    adamcmp.compare(study.runs, "optimizer=adamw", "optimizer=sgd")  # DataFrame, one row
    result = adamcmp.import_runs("theirs.csv", "theirs")            # another program's runs
    checks = adamcmp.check("mynets.Net")                            # .name, .status, .detail
    result = adamcmp.inspect("torch.optim.AdamW", ["weight_decay=0.1"])  # .coupling, .nearest
    adamcmp.convert(0.1, "decoupled", "independent", lr=1e-3)       # another coefficient
    adamcmp.equivalence(["sgd:momentum=0", "adam"]).table           # is L2 weight decay?
    adamcmp.landscape("rosenbrock", ["sgd", "adam"]).figure()       # paths in two dimensions
    adamcmp.torch_optimizer("adamw", net.parameters(), lr=1e-3, weight_decay=0.1)

All errors derive from `AdamcmpError`; `adamcmp.errors` shows them as one tree.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# Set before torch's first matrix product: without it MKL chooses kernels by the alignment of the
# memory, and the bits of a run would depend on how runs are grouped.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

if TYPE_CHECKING:
    from adamcmp.api import (
        BestSetting,
        Check,
        Descents,
        Edge,
        Equivalence,
        ExtendedStudy,
        ImportResult,
        Inspection,
        Report,
        SearchedStudy,
        SettledStudy,
        StagedStudyResult,
        Study,
        SweepResult,
        check,
        compare,
        convert,
        equivalence,
        extend,
        import_runs,
        inspect,
        landscape,
        load,
        report,
        run,
        search,
        settle,
        study,
        sweep,
        torch_optimizer,
    )
    from adamcmp.errors import (
        AdamcmpError,
        ConfigError,
        DataError,
        Elsewhere,
        EngineError,
        NotFound,
        RunFailed,
        RunInProgress,
        StoreError,
    )

__all__ = [
    "AdamcmpError",
    "BestSetting",
    "Check",
    "ConfigError",
    "DataError",
    "Descents",
    "Edge",
    "Elsewhere",
    "EngineError",
    "Equivalence",
    "ExtendedStudy",
    "ImportResult",
    "Inspection",
    "NotFound",
    "Report",
    "RunFailed",
    "RunInProgress",
    "SearchedStudy",
    "SettledStudy",
    "StagedStudyResult",
    "StoreError",
    "Study",
    "SweepResult",
    "check",
    "compare",
    "convert",
    "equivalence",
    "extend",
    "import_runs",
    "inspect",
    "landscape",
    "load",
    "report",
    "run",
    "search",
    "settle",
    "study",
    "sweep",
    "torch_optimizer",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line starts at once."""
    if name not in __all__:
        raise AttributeError(f"module 'adamcmp' has no attribute {name!r}")
    errors = importlib.import_module("adamcmp.errors")
    defined_in = errors if hasattr(errors, name) else importlib.import_module("adamcmp.api")
    return getattr(defined_in, name)
