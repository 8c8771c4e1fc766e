"""Train one run."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adamcmp.components.datasets import load_cached
from adamcmp.config import StudyConfig
from adamcmp.errors import AdamcmpError, RunFailed, RunInProgress
from adamcmp.execution.execute import ExecutionResult
from adamcmp.storage import reader
from adamcmp.workflows.composing import study_composer
from adamcmp.workflows.training import TrainingOptions, train

#: Rule -> two optimizers with it, whose weight decay is an L2 penalty and decoupled.
_PAIRS = {"adam": "adam_l2,adamw", "sgd": "sgd,sgdw"}
#: Keys of overrides that a proposed sweep replaces.
_REPLACED = re.compile(r"(optimizer|lr|wd|weight_decay|seeds?|study)(\..*)?")


@dataclass(frozen=True)
class RunResult:
    """The stored result of one run.

    Attributes:
        folder: The folder of the study.
        row: The run's row of `runs`.
        trained: Whether this call trained the run; False if it already existed.
        chance_level: Metrics of the best prediction that ignores the inputs; empty if the dataset
            of an existing run cannot be read.
    """

    folder: Path
    row: dict[str, Any]
    trained: bool
    chance_level: Mapping[str, float]


def configure_run(overrides: Iterable[str] = (), config_dir: str | None = None) -> StudyConfig:
    """Return the configuration of one run.

    Args:
        overrides: Overrides of the default configuration, such as ``"lr=0.01"``.
        config_dir: A folder of the user's yaml files.

    Raises:
        ConfigError: If an override is invalid.
    """
    return study_composer(config_dir).run(overrides)


def run(config: StudyConfig, options: TrainingOptions | None = None) -> RunResult:
    """Train one run, or read it if it already exists.

    Args:
        config: The configuration; see `configure_run`.
        options: How to train.

    Raises:
        RunFailed: If training crashed.
        RunInProgress: If another process is training the run.
    """
    executed = train(config, options or TrainingOptions())
    row = _stored_row(executed)
    chance_level: dict[str, float] = {}
    with contextlib.suppress(AdamcmpError):
        chance_level = load_cached(config.runs[0].dataset).chance_level()
    return RunResult(executed.folder, row, bool(executed.trained), chance_level)


def first_sweep(config: StudyConfig) -> list[str]:
    """Return the overrides of a small sweep, of 72 runs, that compares two couplings.

    The run's rule with its L2 penalty is compared with its decoupled weight decay. The grid begins
    at the run's learning rate and extends upwards, since a default is seldom too large for a small
    problem. It holds small and large weight decays, since the best L2 penalty is often ten times
    smaller than the best decoupled weight decay. All other settings are those of the run.

    Args:
        config: The configuration of the run.

    >>> first_sweep(configure_run(["dataset=digits", "optimizer=sgd", "lr=0.1", "seed=3"]))[:3]
    ['dataset=digits', 'optimizer=sgd,sgdw', 'lr=0.1,0.3,1']
    """
    keys = {o: o.lstrip("+~").partition("=")[0] for o in config.overrides}
    kept = [override for override, key in keys.items() if not _REPLACED.fullmatch(key)]
    optimizer = config.runs[0].optimizer
    pair = _PAIRS.get(optimizer.rule, "adam_l2,adamw")
    lr = optimizer.lr if optimizer.rule in _PAIRS else 1e-3
    values = ",".join(f"{lr * factor:.3g}" for factor in (1, 3, 10))
    rates, decays = f"lr={values}", "wd=1e-4,1e-3,1e-2,1e-1"
    return [*kept, f"optimizer={pair}", rates, decays, "seeds=3", "study=first"]


def _stored_row(executed: ExecutionResult) -> dict[str, Any]:
    if executed.in_progress:
        raise RunInProgress(executed.in_progress_message)
    run_id = executed.specs[0].run_id
    row = reader.read_final_rows(executed.folder)[run_id]
    if row["status"] == "failed":
        error = row["error"].splitlines()[0]
        raise RunFailed(f"The run crashed: {error} (`adamcmp show {run_id}` has the traceback).")
    return row
