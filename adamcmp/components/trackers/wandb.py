"""Weights & Biases."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from adamcmp.components.trackers._base import TrackedRun, Tracker


class WandB(Tracker):
    """Runs of the project ``WANDB_PROJECT`` (or ``adamcmp``), in a group named after the study.

    They stay on this machine, for `wandb sync`, unless ``WANDB_MODE`` says ``online``.
    """

    needs = ("wandb", 0)

    def write(self, folder: Path, runs: Iterable[TrackedRun]) -> Iterator[str]:
        """See `Tracker.write`."""
        mode = os.environ.setdefault("WANDB_MODE", "offline")
        if mode == "offline":  # the library would report its own errors to its makers
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        for run in runs:
            unique = f"{run.study}-{run.run_id}"
            for old in (folder / "wandb").glob(f"*run-*-{unique}"):
                shutil.rmtree(old)
            _write(folder, unique, run)
            yield run.run_id


def _write(folder: Path, unique: str, run: TrackedRun) -> None:
    import wandb

    about = wandb.Settings(
        console="off",
        silent=True,
        disable_git=True,
        disable_code=True,
        x_disable_stats=True,
        x_disable_meta=True,
        x_save_requirements=False,  # it would look through all packages for every run
    )
    made = wandb.init(
        project=os.environ.get("WANDB_PROJECT", "adamcmp"),
        dir=str(folder),
        id=unique,  # online, a run of the same id is written over
        name=run.name,
        group=run.study,
        config={**run.settings, "run_id": run.run_id},
        settings=about,
    )
    for at in run.evaluations:
        made.log({**at.values, "_timestamp": at.time}, step=at.step)
    made.summary.update({**run.best, **run.outcome})
    made.finish(exit_code=int(run.failed))
