"""What the benchmark's peers share: arguments, data, spreading over processes, the report.

It imports no torch, so that a peer without torch does not pay for it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

#: Hidden units of the MLP; its input and classes are the data's.
HIDDEN = (100, 100)


@dataclass(frozen=True)
class Cell:
    """One run of the grid."""

    lr: float
    wd: float
    seed: int


@dataclass(frozen=True)
class Measured:
    """What a run ended with.

    Attributes:
        train_loss: Mean loss on the training split, in nats, after the last step.
        test_accuracy: Share of the test split that is right, after the last step.
        evaluations: How often all three splits were measured.
        seconds: Its time, evaluations included; imports and starting a process are not.
    """

    train_loss: float
    test_accuracy: float
    evaluations: int
    seconds: float


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return the parser of the arguments that all peers take."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="npz of prepare_data.py")
    parser.add_argument("--model", choices=("mlp", "cnn"), default="mlp")
    parser.add_argument("--lr", type=_floats, default=[1e-3])
    parser.add_argument("--wd", type=_floats, default=[1e-2])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--eval-every", type=int, default=200, help="steps between evaluations")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    return parser


def _floats(words: str) -> list[float]:
    return [float(word) for word in words.split(",")]


def cells(options: argparse.Namespace) -> list[Cell]:
    """Return the grid's runs."""
    return [Cell(*c) for c in product(options.lr, options.wd, range(options.seeds))]


def splits(path: Path) -> dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Return x (N, *inputs) and y (N,) of ``train``, ``val`` and ``test``."""
    with np.load(path) as archive:
        return {n: (archive[f"{n}_x"], archive[f"{n}_y"]) for n in ("train", "val", "test")}


def spread(work: Callable[[Any], Any], items: Sequence[Any], processes: int) -> list[Any]:
    """Return `work` of each item, from joblib's worker processes where there are several."""
    if processes == 1:
        return [work(item) for item in items]
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=processes)(delayed(work)(item) for item in items))


def timed(train: Callable[[], list[dict[str, float]]]) -> Measured:
    """Time one run; `train` returns its evaluations, each a dict of metrics."""
    start = time.perf_counter()
    history = train()
    seconds = time.perf_counter() - start
    last = history[-1]
    return Measured(last["train_loss"], 1 - last["test_error"], len(history), seconds)


def report(runs: Sequence[Measured], processes: int) -> None:
    """Print the grid's means as one JSON line."""
    evaluations = {run.evaluations for run in runs}
    if len(evaluations) != 1:
        raise ValueError(f"runs were evaluated unequally often: {sorted(evaluations)}")
    line = {
        "runs": len(runs),
        "evaluations": evaluations.pop(),
        "train_loss": float(np.mean([run.train_loss for run in runs])),
        "test_accuracy": float(np.mean([run.test_accuracy for run in runs])),
        "steady_s": sum(run.seconds for run in runs) / processes,
    }
    print(json.dumps(line))
