"""Format a plan as text and as JSON: the runs to train, their groups and the time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adamcmp.cli._tables import fitted_table
from adamcmp.config.columns import component_columns, protocol_columns
from adamcmp.config.overrides import shorten_key
from adamcmp.errors import counted
from adamcmp.planning.cost_model import sum_if_known

if TYPE_CHECKING:
    from adamcmp.config import RunConfig
    from adamcmp.execution.preview import Preview
    from adamcmp.planning.cost_model import CostModel
    from adamcmp.planning.grouping import LaneGroup


def as_json(preview: Preview) -> str:
    """Return a plan as one JSON object."""
    costs = preview.pending.costs
    # Without groups no worker starts, so its start-up time does not count.
    seconds = costs.total_seconds(preview.groups) if preview.groups else 0.0
    values = {
        "study": preview.folder.name,
        "folder": str(preview.folder),
        **preview.plan.numerics.model_dump(),
        "workers": costs.workers,
        "jobs": preview.jobs,
        "runs": len(preview.plan.specs),
        "left": len(preview.pending.specs),
        "groups": len(preview.groups),
        "seconds": None if seconds is None else round(seconds, 1),
        "kinds": list(_rows(preview.groups, costs)),
    }
    return json.dumps(values)


def as_text(preview: Preview) -> str:
    """Return a plan as text: a table of the groups, the time and the numerics."""
    requested, pending = len(preview.plan.specs), len(preview.pending.specs)
    lines = [
        f"study {preview.folder.name} in {preview.folder.parent}: "
        f"{counted(requested, 'run')}, {requested - pending} already exist"
        f"{'s' * (requested - pending == 1)}, {pending} to train"
    ]
    if not pending:
        return lines[0]
    costs, numerics = preview.pending.costs, preview.plan.numerics
    time = estimate(costs.total_seconds(preview.groups), upper_bound=costs.upper_bound)
    compiling = " (excluding compilation, which takes 10 s or more, once)"
    jobs = f" in {counted(preview.jobs, 'job')}" if preview.jobs else ""
    lines += [
        plan_table(preview.groups, costs),
        f"{time} with {costs.workers} worker process{'es' * (costs.workers > 1)}{jobs}, "
        f"{numerics.engine} on {numerics.device}{compiling * costs.upper_bound}",
    ]
    if preview.plan.notice:
        lines.append(preview.plan.notice)
    return "\n".join(lines)


def plan_table(groups: Sequence[LaneGroup], costs: CostModel) -> str:
    """Return a table with one row per kind of run, and the reasons why kinds are not fused."""
    rows = list(_rows(groups, costs))
    reasons = dict.fromkeys(row.pop("unfused_reason") for row in rows)
    for row in rows:
        seconds = row.pop("seconds")
        row["time"] = "unknown" if seconds is None else format_duration(seconds)
    unfused = [f"one lane at a time: {reason}" for reason in reasons if reason]
    shown = [name for name in rows[0] if name != "settings" or any(row[name] for row in rows)]
    columns = {name: [str(row[name]) for row in rows] for name in shown}
    table = fitted_table(columns, right=("runs", "groups", "lanes", "steps"))
    return "\n".join([table, *unfused])


def _rows(groups: Sequence[LaneGroup], costs: CostModel) -> Iterator[dict[str, Any]]:
    """Yield one row per kind of run."""
    by_run_kind: dict[str, list[LaneGroup]] = {}
    for group in groups:
        by_run_kind.setdefault(group.specs[0].run_kind, []).append(group)
    configs = {
        key: [spec.config for group in members for spec in group.specs]
        for key, members in by_run_kind.items()
    }
    settings = _distinguishing_settings(configs)
    for key, members in by_run_kind.items():
        specs = [spec for group in members for spec in group.specs]
        widths = sorted({len(group.specs) for group in members})
        total = sum_if_known(map(costs.seconds, members))
        yield {
            **_component_names(configs[key]),
            "settings": settings[key],
            "runs": len(specs),
            "groups": len(members),
            "lanes": f"{widths[0]}-{widths[-1]}" if len(widths) > 1 else str(widths[0]),
            "steps": costs.run_kinds[key].steps,
            "unfused_reason": specs[0].unfused_reason,
            "seconds": None if total is None else total / costs.workers,
        }


def _component_names(configs: Sequence[RunConfig]) -> dict[str, str]:
    """Return the dataset, the model and the optimizers of the runs of a kind."""
    optimizers = dict.fromkeys(config.optimizer.name for config in configs)
    dataset, model = configs[0].dataset.name, configs[0].model.name
    return {"dataset": dataset, "model": model, "optimizer": " ".join(optimizers)}


def _distinguishing_settings(configs: Mapping[str, Sequence[RunConfig]]) -> dict[str, str]:
    """Return the settings by which each kind differs from others of the same components.

    Args:
        configs: The runs of each kind.

    Returns:
        Overrides separated by spaces, by kind; empty for a kind that its components distinguish.
    """
    alike: dict[tuple[str, ...], list[str]] = {}
    for key, runs in configs.items():
        alike.setdefault(tuple(_component_names(runs).values()), []).append(key)
    texts = dict.fromkeys(configs, "")
    for keys in (keys for keys in alike.values() if len(keys) > 1):
        settings = {key: _common_settings(configs[key]) for key in keys}
        for key in keys:
            differing = [
                f"{shorten_key(name)}={value}"
                for name, value in settings[key].items()
                if any(others.get(name) != value for others in settings.values())
            ]
            texts[key] = " ".join(differing)
    return texts


def _common_settings(runs: Sequence[RunConfig]) -> dict[str, Any]:
    """Return the settings that all runs of a kind have, by dotted path."""
    example, optimizers = runs[0], {config.optimizer for config in runs}
    columns = [component_columns(optimizer, "optimizer") for optimizer in optimizers]
    optimizer = {k: v for k, v in columns[0].items() if all(c.get(k) == v for c in columns)}
    shared = {**protocol_columns(example.protocol), **component_columns(example.loss, "loss")}
    del shared["seed"]
    return {
        **component_columns(example.dataset, "dataset"),
        **component_columns(example.model, "model"),
        **optimizer,
        **shared,
    }


def estimate(seconds: float | None, *, upper_bound: bool = False) -> str:
    """Return a predicted duration as text.

    Args:
        seconds: The duration; None if it is unknown.
        upper_bound: Whether the actual duration is probably shorter.

    >>> estimate(300), estimate(300, upper_bound=True), estimate(None)
    ('about 5 min', 'at most about 5 min', 'duration unknown')
    """
    if seconds is None:
        return "duration unknown"
    return f"{'at most ' * upper_bound}about {format_duration(seconds)}"


def format_duration(seconds: float) -> str:
    """Return a duration in seconds, minutes or hours.

    >>> format_duration(42), format_duration(3000), format_duration(9000)
    ('42 s', '50 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
