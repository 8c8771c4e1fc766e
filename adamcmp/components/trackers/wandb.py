"""Weights & Biases."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from adamcmp.components.trackers._base import TrackedRun, Tracker


class WandB(Tracker):
    """Runs of the project ``WANDB_PROJECT`` (or ``adamcmp``), in a group named after the study.

    They are stored locally, for `wandb sync`, unless ``WANDB_MODE`` is ``online``.
    """

    needs = ("wandb", 0)

    def write(self, folder: Path, runs: Iterable[TrackedRun]) -> Iterator[str]:
        """See `Tracker.write`."""
        mode = os.environ.setdefault("WANDB_MODE", "offline")
        if mode == "offline":  # W&B sends error reports by default
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        for run in runs:
            wandb_id = f"{run.study}-{run.run_id}"
            # The folders of W&B are named run-TIME-ID and offline-run-TIME-ID.
            for old in (folder / "wandb").glob(f"*run-*-{wandb_id}"):
                shutil.rmtree(old)
            _write(folder, wandb_id, run)
            yield run.run_id


def _write(folder: Path, wandb_id: str, run: TrackedRun) -> None:
    import wandb

    settings = wandb.Settings(
        console="off",
        silent=True,
        disable_git=True,
        disable_code=True,
        x_disable_stats=True,
        x_disable_meta=True,
        x_save_requirements=False,  # it lists all installed packages for every run
    )
    wandb_run = wandb.init(
        project=os.environ.get("WANDB_PROJECT", "adamcmp"),
        dir=str(folder),
        id=wandb_id,  # online, replaces the run of the same id
        name=run.name,
        group=run.study,
        config={**run.settings, "run_id": run.run_id},
        settings=settings,
    )
    for evaluation in run.evaluations:
        wandb_run.log({**evaluation.values, "_timestamp": evaluation.time}, step=evaluation.step)
    wandb_run.summary.update({**run.best, **run.outcome})
    wandb_run.finish(exit_code=int(run.failed))
