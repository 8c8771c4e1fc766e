"""Plans, as ``--dry-run`` shows them: what would be trained, in which groups, and for how long."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adamcmp.config import StudyConfig
    from adamcmp.execution.execute import Preview
    from adamcmp.planning.cost_model import CostModel
    from adamcmp.planning.grouping import LaneGroup


def dry_run(compose: Callable[[], StudyConfig], options: argparse.Namespace) -> int:
    """Show what a command would do; nothing is written."""
    from adamcmp.execution.execute import preview
    from adamcmp.execution.executors import Pool
    from adamcmp.training.tasks import warm_up

    # Started first: what measures new kinds of runs takes seconds to import torch meanwhile.
    executor = Pool(1, 1, warm_up)
    try:
        config = compose()
        config.tracker.check()
        found = preview(config, executor, force=options.force, retry_failed=options.retry_failed)
    finally:
        executor.close()
    if options.json:
        print(json.dumps(_plain(found)))
    else:
        _print(found)
    return 0


def _plain(found: Preview) -> dict[str, Any]:
    seconds = found.pending.costs.total_seconds(found.groups) if found.groups else 0.0
    return {
        "study": found.folder.name,
        "folder": str(found.folder),
        **found.plan.numerics.model_dump(),
        "workers": found.pending.costs.workers,
        "runs": len(found.plan.specs),
        "left": len(found.pending.specs),
        "groups": len(found.groups),
        "seconds": None if seconds is None else round(seconds, 1),
        "kinds": list(_kinds(found.groups, found.pending.costs)),
    }


def table(groups: Sequence[LaneGroup], costs: CostModel) -> str:
    """Return a row for each kind of group, and why some train one lane at a time."""
    from tabulate import tabulate

    rows = list(_kinds(groups, costs))
    reasons = dict.fromkeys(row.pop("alone") for row in rows)
    for row in rows:
        seconds = row.pop("seconds")
        row["time"] = "unknown" if seconds is None else duration(seconds)
    alone = [f"one lane at a time: {reason}" for reason in reasons if reason]
    return "\n".join([tabulate(rows, headers="keys"), *alone])


def _print(found: Preview) -> None:
    there = len(found.plan.specs) - len(found.pending.specs)
    numerics = found.plan.numerics
    print(
        f"study {found.folder.name} in {found.folder.parent}: {len(found.plan.specs)} "
        f"run{'s' * (len(found.plan.specs) != 1)} asked, "
        f"{there} there already, {len(found.pending.specs)} to train"
    )
    if not found.pending.specs:
        return
    print(table(found.groups, found.pending.costs))
    workers = found.pending.costs.workers
    costs = found.pending.costs
    print(
        f"{about(costs.total_seconds(found.groups), most=costs.upper_bound)} with {workers} "
        f"worker{'s' * (workers > 1)}, {numerics.engine} on {numerics.device}"
        + " (measured before compiling, which takes half a minute or more once)"
        * costs.upper_bound
    )
    if found.plan.notice:
        print(found.plan.notice)


def _kinds(groups: Sequence[LaneGroup], costs: CostModel) -> Iterable[dict[str, Any]]:
    """Yield one row for each kind of group."""
    from adamcmp.planning.run_kinds import kind_key

    alike: dict[str, list[LaneGroup]] = {}
    for group in groups:
        alike.setdefault(kind_key(group.specs[0].config), []).append(group)
    for key, own in alike.items():
        specs = [spec for group in own for spec in group.specs]
        widths = sorted({len(group.specs) for group in own})
        config = specs[0].config
        yield {
            "dataset": config.dataset.name,
            "model": config.model.name,
            "optimizer": " ".join(dict.fromkeys(spec.config.optimizer.name for spec in specs)),
            "runs": len(specs),
            "groups": len(own),
            "lanes": f"{widths[0]}-{widths[-1]}" if len(widths) > 1 else str(widths[0]),
            "steps": costs.kinds[key].steps,
            "alone": specs[0].unfused_reason,
            "seconds": _shared(map(costs.seconds, own), costs.workers),
        }


def _shared(seconds: Iterable[float | None], workers: int) -> float | None:
    """Return the time of several groups, shared out; None where one's is not known."""
    listed = list(seconds)
    known = [s for s in listed if s is not None]
    return sum(known) / workers if len(known) == len(listed) else None


def about(seconds: float | None, most: bool = False) -> str:
    """Return an estimate as a person says it; `most` where it is an upper bound."""
    if seconds is None:
        return "for how long is unknown"
    return f"{'at most ' * most}about {duration(seconds)}"


def duration(seconds: float) -> str:
    """Return seconds as a person says them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
