"""The column registry: every column of the tables of a study, with its type, unit and role.

Column names are a public interface: renaming one requires a new `SCHEMA_VERSION`. Errors and
accuracies are fractions in [0, 1]; losses are means in nats, or in squared units of the target
for regression, which has RMSE and R² instead of errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Literal

from adamcmp.components.names import COMPONENT_GROUP_NAMES, HYPERPARAMETER_FIELDS

#: Version of the layout on disk, stored in the metadata of every part.
SCHEMA_VERSION = 1

SPLITS = ("train", "val", "test")
#: Metrics, without the split on which they are computed.
BASE_METRICS = ("loss", "error", "accuracy", "balanced_error", "rmse", "r2")
#: Metrics of which there is a gap between test and train.
GAP_METRICS = ("loss", "error", "balanced_error", "rmse")
STATUSES = ("done", "diverged", "failed")

TableName = Literal["runs", "metrics", "examples"]


class Role(StrEnum):
    """What a column describes."""

    #: Identifies the run and the row.
    IDENTITY = "identity"
    #: Requested settings.
    SETTING = "setting"
    #: Sizes that follow from the settings.
    DERIVED = "derived"
    #: Result of training, up to the end of the run or up to an evaluation.
    OUTCOME = "outcome"
    #: Measurement of the model.
    METRIC = "metric"
    #: Hardware, software and numerics that computed the run.
    PROVENANCE = "provenance"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Its name in the Parquet files and DataFrames.
        type: ``str``, ``int``, ``float``, ``bool``, ``bytes``, or ``list[...]`` of one of them.
        unit: The unit of its values; empty for text, settings and dimensionless numbers.
        role: What it describes.
        description: One sentence.
    """

    name: str
    type: Any
    unit: str
    role: Role
    description: str


_UNITS = {"loss": "nats", "rmse": "target units", "r2": ""}
_NAMES = {
    "balanced_error": "Balanced error (the mean over classes of their errors)",
    "rmse": "Root mean squared error (regression)",
    "r2": "R², the explained share of the targets' variance (regression),",
}


def _measured(prefix: str, weights: str) -> tuple[Column, ...]:
    """Return the columns of all splits' metrics and of the gaps between test and train."""
    splits = tuple(
        Column(
            *(f"{prefix}{split}_{metric}", float, _UNITS.get(metric, "fraction"), Role.METRIC),
            f"{_NAMES.get(metric, metric.capitalize())} on the {split} split {weights}.",
        )
        for split in SPLITS
        for metric in BASE_METRICS
    )
    gaps = tuple(
        Column(
            *(f"{prefix}gap_{metric}", float, _UNITS.get(metric, "fraction"), Role.METRIC),
            f"test_{metric} minus train_{metric} {weights}.",
        )
        for metric in GAP_METRICS
    )
    return (*splits, *gaps)


def _by_name(*columns: Column) -> Mapping[str, Column]:
    return {column.name: column for column in columns}


_FINAL = _measured("", "at the last weights")
_BEST = _measured("best_", "at the evaluation with the best validation metric")
_EVALUATED = _measured("", "at the evaluated weights")
_NORMS = (
    Column("grad_norm", float, "", Role.METRIC, "Norm of the last gradient, before clipping."),
    Column("param_norm", float, "", Role.METRIC, "Norm of the weights."),
    Column("update_norm", float, "", Role.METRIC, "Norm of the last update, decay included."),
)
#: ``train_loss`` … ``test_accuracy``, then the generalization gaps.
METRICS = tuple(column.name for column in _FINAL)
#: The same at the evaluation with the best validation metric.
BEST = tuple(column.name for column in _BEST)
NORMS = tuple(column.name for column in _NORMS)

_RUN_ID = Column(
    "run_id", str, "", Role.IDENTITY, "Hash of everything that can change the run's numbers."
)
_ROW = (
    Column("variant", str, "", Role.IDENTITY, "Which weights were evaluated; empty for the last."),
    Column("attempt", int, "", Role.IDENTITY, "Number of earlier trainings of the run."),
)
_REVISIONS = tuple(
    Column(f"{name}.revision", int, "", Role.PROVENANCE, f"Revision of the {name}'s numbers.")
    for name in (*COMPONENT_GROUP_NAMES, "engine")
)
#: Columns that version 0.1 did not write, and the values that its rows get when they are read.
ADDED_COLUMNS: Mapping[str, Any] = {
    "variant": "",
    "attempt": 0,
    **{column.name: 0 for column in _REVISIONS},
    # They did not exist, or were not measured or recorded.
    "test_examples": None,
    "wd_schedule": None,
    **{m: None for m in (*METRICS, *BEST) if m.endswith(("balanced_error", "rmse", "r2"))},
}

#: Columns of `runs`, except settings under their dotted path: `run_columns` adds those.
RUN_COLUMNS = _by_name(
    _RUN_ID,
    Column("study", str, "", Role.IDENTITY, "Name of the study."),
    Column("dataset", str, "", Role.SETTING, "Name of the dataset."),
    Column("model", str, "", Role.SETTING, "Name of the model."),
    Column("optimizer", str, "", Role.SETTING, "Name of the optimizer."),
    Column("rule", str, "", Role.SETTING, "Update rule of the optimizer."),
    Column("coupling", str, "", Role.SETTING, "Coupling of the weight decay."),
    Column("schedule", str, "", Role.SETTING, "Name of the learning rate schedule."),
    Column("loss", str, "", Role.SETTING, "Name of the training loss."),
    Column("lr", float, "", Role.SETTING, "Learning rate."),
    Column("wd", float, "", Role.SETTING, "Weight decay."),
    Column("seed", int, "", Role.SETTING, "Seed of all random streams."),
    Column("epochs", int, "epochs", Role.SETTING, "Epochs; null where steps were set."),
    Column("batch_size", int, "examples", Role.SETTING, "Examples per step."),
    Column("wd_schedule", str, "", Role.SETTING, "Name of the weight decay's schedule, or null."),
    *_ROW,
    Column("status", str, "", Role.OUTCOME, f"One of {', '.join(STATUSES)}."),
    Column("error", str, "", Role.OUTCOME, "Error message of a failed run."),
    Column("stopped_at_step", int, "steps", Role.OUTCOME, "Step at which the run diverged."),
    Column("steps", int, "steps", Role.SETTING, "Steps of the whole run."),
    Column("best_step", int, "steps", Role.OUTCOME, "Step of the best validation metric."),
    Column("train_examples", int, "examples", Role.DERIVED, "Examples trained on."),
    Column("test_examples", int, "examples", Role.DERIVED, "Examples of the test split."),
    Column("parameters", int, "", Role.DERIVED, "Parameters of the model."),
    Column("wall_time_s", float, "s", Role.OUTCOME, "The run's share of its group's time."),
    *_FINAL,
    *_BEST,
    Column(
        *("eval.examples", bool, "", Role.PROVENANCE),
        "Whether to store the outcomes of examples in the table `examples`.",
    ),
    Column("device", str, "", Role.PROVENANCE, "cpu or cuda."),
    Column("dtype", str, "", Role.PROVENANCE, "Floating point type."),
    Column("threads", int, "", Role.PROVENANCE, "Threads per worker."),
    Column("engine", str, "", Role.PROVENANCE, "How steps were executed."),
    *_REVISIONS,
    Column("hardware", str, "", Role.PROVENANCE, "Model name of the processor or GPU."),
    Column("adamcmp_version", str, "", Role.PROVENANCE, "Version of adamcmp."),
    Column("python_version", str, "", Role.PROVENANCE, "Version of Python."),
    Column("torch_version", str, "", Role.PROVENANCE, "Version of torch."),
    Column("numpy_version", str, "", Role.PROVENANCE, "Version of NumPy."),
    Column("git_commit", str, "", Role.PROVENANCE, "Commit of the working directory."),
    Column("git_dirty", bool, "", Role.PROVENANCE, "Whether tracked files had changes."),
    Column(
        *("paired_seeds", bool, "", Role.PROVENANCE),
        "Whether runs of equal seeds start from equal weights and see equal batches.",
    ),
    Column("finished_at", str, "", Role.OUTCOME, "End of the run, ISO 8601 in UTC."),
)

METRIC_COLUMNS = _by_name(
    _RUN_ID,
    Column("step", int, "steps", Role.IDENTITY, "Steps taken before the evaluation."),
    Column("epoch", float, "epochs", Role.OUTCOME, "Epochs trained before the evaluation."),
    Column("examples", int, "examples", Role.OUTCOME, "Examples seen before the evaluation."),
    Column("lr", float, "", Role.SETTING, "Learning rate of the next step."),
    *_ROW,
    *_EVALUATED,
    *_NORMS,
    Column("wall_time_s", float, "s", Role.OUTCOME, "Training time until the evaluation."),
)

EXAMPLE_COLUMNS = _by_name(
    _RUN_ID,
    *_ROW,
    Column("split", str, "", Role.IDENTITY, "``val`` or ``test``."),
    Column(
        *("metric", str, "", Role.IDENTITY),
        "What was measured of each example: ``error`` (whether its class is wrong) or ``loss``.",
    ),
    Column(
        *("set_id", str, "", Role.DERIVED),
        "Digest of the split's examples: equal if and only if the examples are.",
    ),
    Column("total", int, "examples", Role.DERIVED, "Examples of the split."),
    Column(
        *("stored", int, "examples", Role.DERIVED),
        "Examples in `outcomes`: all, or evenly spaced ones, of index floor(i * total / stored).",
    ),
    Column(
        *("outcomes", bytes, "", Role.OUTCOME),
        "Of errors one bit per example, the lowest of a byte first; of losses float16.",
    ),
)

#: Settings that `RUN_COLUMNS` holds under a short name as well as under their dotted path.
SHORT_NAMES = {
    **{f"optimizer.{field}": name for name, field in HYPERPARAMETER_FIELDS.items()},
    "optimizer.rule": "rule",
    "optimizer.coupling": "coupling",
}


@cache
def run_columns() -> Mapping[str, Column]:
    """Return every column of `runs` in the order in which it is written.

    Identity, main settings and outcome come first, then all other settings under their dotted
    path, then provenance.
    """
    from adamcmp.config import fraction_settings, setting_types  # imports every component

    units = dict.fromkeys(fraction_settings(), "fraction")
    settings = {
        name: Column(
            *(name, python_type, units.get(name, ""), Role.SETTING),
            "Setting, by its path in the config.",
        )
        for name, python_type in setting_types().items()
        # The name of a component has a column without a dot.
        if name not in RUN_COLUMNS and not name.endswith(".name")
    }
    names = list(RUN_COLUMNS)
    first_of_provenance = names.index("eval.examples")
    order = [*names[:first_of_provenance], *settings, *names[first_of_provenance:]]
    return {name: (RUN_COLUMNS.get(name) or settings[name]) for name in order}


def registered_columns(table: TableName) -> Mapping[str, Column]:
    """Return the columns of a table, without settings under a dotted path."""
    tables: Mapping[TableName, Mapping[str, Column]] = {
        "runs": RUN_COLUMNS,
        "metrics": METRIC_COLUMNS,
        "examples": EXAMPLE_COLUMNS,
    }
    return tables[table]


def columns_with_role(*roles: Role, table: TableName = "runs") -> tuple[str, ...]:
    """Return the columns that have one of the roles, without settings under a dotted path.

    >>> columns_with_role(Role.IDENTITY)
    ('run_id', 'study', 'variant', 'attempt')
    >>> columns_with_role(Role.IDENTITY, table="metrics")
    ('run_id', 'step', 'variant', 'attempt')
    """
    columns = registered_columns(table).items()
    return tuple(name for name, column in columns if column.role in roles)


def role_of(column: str) -> Role:
    """Return the role of a column of `runs`; one that `RUN_COLUMNS` does not hold is a setting.

    >>> role_of("test_error").value, role_of("lr").value, role_of("optimizer.betas").value
    ('metric', 'setting', 'setting')
    """
    return RUN_COLUMNS[column].role if column in RUN_COLUMNS else Role.SETTING
