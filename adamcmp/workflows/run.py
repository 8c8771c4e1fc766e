"""Train one run."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from adamcmp.components.optimizers import Optimizer
from adamcmp.components.optimizers.torch import Torch
from adamcmp.config import StudyConfig
from adamcmp.errors import AdamcmpError, RunFailed, RunInProgress
from adamcmp.execution.execute import ExecutionResult
from adamcmp.platform.addresses import Address
from adamcmp.storage import reader
from adamcmp.storage.locations import files_at
from adamcmp.workflows.composing import study_composer
from adamcmp.workflows.training import TrainingOptions, train

#: Built-in optimizer -> it and its counterpart: weight decay as an L2 penalty, and decoupled.
_PAIRS = {
    name: pair
    for pair in ("adam_l2,adamw", "sgd,sgdw", "amsgrad,amsgradw")
    for name in pair.split(",")
} | {"adam": "adam_l2,adamw"}
#: Keys of overrides that a proposed sweep replaces, and of those that choose the optimizer.
_REPLACED = re.compile(r"(optimizer|lr|wd|weight_decay|lr_wd|seeds?|study)(\..*)?")
_CHOOSES = re.compile(r"optimizer(\.(?!lr$|weight_decay$).*)?")
#: The number of seeds of a proposed sweep.
_SEEDS = 3
#: Keys of the settings of parameter groups, which every built-in rule takes.
_GROUPS = re.compile(r"optimizer\.groups(\..*)?")


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

    folder: Address
    row: dict[str, Any]
    trained: bool
    chance_level: Mapping[str, float]


@dataclass(frozen=True)
class ProposedSweep:
    """A sweep that is proposed to the user.

    Attributes:
        overrides: Its overrides: the settings of a run, and values of each axis of a grid.
        runs: The number of its runs.
    """

    overrides: tuple[str, ...]
    runs: int

    @classmethod
    def of(cls, settings: Iterable[str], axes: Sequence[str], study: str) -> Self:
        """Return the sweep of all combinations of values of the axes, for several seeds."""
        runs = _SEEDS * math.prod(len(axis.split(",")) for axis in axes)
        return cls((*settings, *axes, f"seeds={_SEEDS}", f"study={study}"), runs)


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
        chance_level = config.runs[0].data().chance_level()
    return RunResult(executed.folder, row, bool(executed.trained), chance_level)


def first_sweeps(config: StudyConfig, config_dir: str | None = None) -> list[ProposedSweep]:
    """Return small sweeps that compare a run's optimizer with another one.

    A built-in optimizer with an L2 penalty is compared with its decoupled weight decay, in one
    sweep. Any other optimizer is compared with AdamW, in two sweeps into one study, since each has
    its own learning rates and arguments. The grids hold small and large weight decays, since the
    best L2 penalty is often ten times smaller than the best decoupled weight decay. Both optimizers
    have the run's parameter groups, unless they are those of a torch.optim class. All other
    settings are those of the run.

    Args:
        config: The configuration of the run.
        config_dir: The folder of the user's yaml files with which it was composed.

    >>> (sweep,) = first_sweeps(configure_run(["dataset=digits", "optimizer=sgd", "lr=0.1"]))
    >>> sweep.overrides[:3]
    ('dataset=digits', 'optimizer=sgd,sgdw', 'lr=0.03,0.1,0.3')
    >>> sweep.runs
    72
    """
    keys = {override: override.lstrip("+~").partition("=")[0] for override in config.overrides}
    kept = [override for override, key in keys.items() if not _REPLACED.fullmatch(key)]
    chosen = [override for override, key in keys.items() if _CHOOSES.fullmatch(key)]
    optimizer = config.runs[0].optimizer
    # Groups of a torch.optim class may have settings that no rule has.
    shares_groups = not isinstance(optimizer, Torch)
    groups = [o for o, key in keys.items() if shares_groups and _GROUPS.fullmatch(key)]
    study = _unused_name(config)
    if optimizer.name in _PAIRS:
        axes = [f"optimizer={_PAIRS[optimizer.name]}", *_grid(optimizer)]
        return [ProposedSweep.of([*kept, *groups], axes, study)]
    baseline = [*kept, "optimizer=adamw", *groups]
    adamw = configure_run(baseline, config_dir).runs[0].optimizer
    arms = [(baseline, adamw), ([*kept, *chosen], optimizer)]
    return [ProposedSweep.of(settings, _grid(each), study) for settings, each in arms]


def _grid(optimizer: Optimizer) -> list[str]:
    """Return a grid of learning rates and weight decays for an optimizer.

    The rates are around the optimizer's. Those of Adam begin at a rate of at most 0.001, its usual
    default, which is seldom too large for a small problem.
    """
    factors = (1, 3, 10) if optimizer.rule == "adam" and optimizer.lr <= 1e-3 else (0.3, 1, 3)
    rates = ",".join(f"{optimizer.lr * factor:.2g}" for factor in factors)
    takes_decay = not isinstance(optimizer, Torch) or optimizer.takes_weight_decay
    return [f"lr={rates}", *["wd=1e-4,1e-3,1e-2,1e-1"] * takes_decay]


def _unused_name(config: StudyConfig) -> str:
    """Return the name of a study that does not exist."""
    root = config.location.folder.parent
    names = itertools.chain(["first"], (f"first{i}" for i in itertools.count(2)))
    existing = files_at(root).folders()
    return next(name for name in names if name not in existing)


def _stored_row(executed: ExecutionResult) -> dict[str, Any]:
    if executed.in_progress:
        raise RunInProgress(executed.in_progress_message)
    run_id = executed.specs[0].run_id
    row = reader.read_final_rows(executed.folder)[run_id]
    if row["status"] == "failed":
        error = row["error"].splitlines()[0]
        raise RunFailed(f"The run crashed: {error} (`adamcmp show {run_id}` has the traceback).")
    return row
