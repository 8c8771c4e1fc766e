"""Arguments, data, parallel execution and output of the compared programs.

This module does not import torch, so that a program without torch does not pay for the import.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

#: Hidden units of the MLP; the data determine its inputs and outputs.
HIDDEN = (100, 100)


@dataclass(frozen=True)
class Cell:
    """One run of the grid."""

    lr: float
    wd: float
    seed: int


@dataclass(frozen=True)
class RunResult:
    """The results of one run.

    Attributes:
        train_loss: Mean loss on the training split, in nats, after the last step.
        test_accuracy: Share of the test split that is classified correctly, after the last step.
        evaluations: Number of evaluations of all three splits.
        seconds: Time of the run with its evaluations, without imports and starting a process.
    """

    train_loss: float
    test_accuracy: float
    evaluations: int
    seconds: float


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return the parser of the arguments that all programs take."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="npz of prepare_data.py")
    parser.add_argument("--lr", type=_floats, default=[1e-3])
    parser.add_argument("--wd", type=_floats, default=[1e-2])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--eval-every", type=int, default=200, help="steps between evaluations")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    return parser


def _floats(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


def cells(options: argparse.Namespace) -> list[Cell]:
    """Return the runs of the grid."""
    return [Cell(*c) for c in product(options.lr, options.wd, range(options.seeds))]


def splits(path: Path) -> dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Return x (N, *inputs) and y (N,) of ``train``, ``val`` and ``test``."""
    with np.load(path) as archive:
        return {n: (archive[f"{n}_x"], archive[f"{n}_y"]) for n in ("train", "val", "test")}


def parallel_map(work: Callable[[Any], Any], items: Sequence[Any], processes: int) -> list[Any]:
    """Return `work(item)` of each item, computed by joblib's processes if there are several."""
    if processes == 1:
        return [work(item) for item in items]
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=processes)(delayed(work)(item) for item in items))


def report(runs: Sequence[RunResult], processes: int) -> None:
    """Print the grid's means as one JSON line."""
    evaluations = {run.evaluations for run in runs}
    if len(evaluations) != 1:
        raise ValueError(f"not all runs were evaluated equally often: {sorted(evaluations)}")
    line = {
        "runs": len(runs),
        "evaluations": evaluations.pop(),
        "train_loss": float(np.mean([run.train_loss for run in runs])),
        "test_accuracy": float(np.mean([run.test_accuracy for run in runs])),
        "training_s": sum(run.seconds for run in runs) / processes,
    }
    print(json.dumps(line))
