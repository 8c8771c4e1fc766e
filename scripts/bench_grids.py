"""The grids that the benchmark trains, and the floating-point operations of a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

BATCH = 128
#: Layers of the MLP.
MLP = (40, 100, 100, 10)


@dataclass(frozen=True)
class Grid:
    """AdamW with a cosine schedule on every combination of lr, wd and seed.

    Attributes:
        dataset: Its name in adamcmp.
        model: ``mlp`` or ``cnn``.
        lrs: Learning rates, as written.
        wds: Weight decays, as written.
        seeds: Seeds from 0 on.
        steps: Steps of a run.
        every: Steps between evaluations; there is also one at the start.
        device: ``cpu`` or ``cuda``.
        expected: Mean training loss and mean test accuracy of the grid, if they are known.
        tolerance: Largest difference of a program's means from these and from adamcmp's.
    """

    dataset: str
    model: str
    lrs: tuple[str, ...]
    wds: tuple[str, ...]
    seeds: int
    steps: int
    every: int = 200
    device: str = "cpu"
    expected: tuple[float, float] | None = None
    tolerance: float = 0.02

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.lrs) * len(self.wds) * self.seeds

    @property
    def run_steps(self) -> int:
        """Sum of the steps of all runs."""
        return self.runs * self.steps

    @property
    def evaluations(self) -> int:
        """Evaluations of a run: at the start, after every interval, at the end."""
        return 1 + -(-self.steps // self.every)

    def overrides(self) -> list[str]:
        """Return the grid as overrides of `adamcmp sweep`."""
        seeds = f"range({self.seeds})" if self.seeds > 1 else "0"
        return [
            *(f"dataset={self.dataset}", f"model={self.model}", "optimizer=adamw"),
            *(f"lr={','.join(self.lrs)}", f"wd={','.join(self.wds)}", f"seed={seeds}"),
            *(f"steps={self.steps}", f"batch_size={BATCH}", f"eval.every_steps={self.every}"),
            f"device={self.device}",
        ]

    def arguments(self, data: Path, processes: int) -> list[str]:
        """Return the grid as command-line arguments of the programs in `bench_peers`."""
        options = {
            "data": data,
            "model": self.model,
            "lr": ",".join(self.lrs),
            "wd": ",".join(self.wds),
            "seeds": self.seeds,
            "steps": self.steps,
            "batch-size": BATCH,
            "eval-every": self.every,
            "processes": processes,
            "device": self.device,
        }
        return [arg for name, value in options.items() for arg in (f"--{name}", str(value))]


_LRS, _WDS = ("1e-3", "2e-3", "4e-3", "8e-3"), ("1e-4", "1e-3", "1e-2", "1e-1")
GRIDS = {
    "mlp": Grid("mnist1d", "mlp", _LRS, _WDS, seeds=4, steps=2000, expected=(0.26, 0.60)),
    "cnn": Grid("mnist5k", "cnn", ("1e-3", "3e-3"), ("1e-2",), seeds=3, steps=300, every=100),
    "gpu": Grid("mnist1d", "mlp", _LRS, _WDS, 4, 2000, device="cuda", expected=(0.26, 0.60)),
    # One run of the table `scaling`, which trains it with several numbers of seeds.
    "scaling": Grid("mnist1d", "mlp", ("4e-3",), ("1e-2",), seeds=1, steps=200),
}
#: Tiny grids to test the benchmark itself. After so few steps the means differ by chance.
_TINY = ("1e-3", "4e-3"), ("1e-2",)
QUICK = {
    "mlp": Grid("mnist1d", "mlp", *_TINY, seeds=2, steps=40, every=20, tolerance=0.2),
    "cnn": Grid("mnist5k", "cnn", *_TINY, seeds=1, steps=10, every=5, tolerance=0.3),
    "gpu": Grid("mnist1d", "mlp", *_TINY, 2, 40, every=20, device="cuda", tolerance=0.2),
    "scaling": Grid("mnist1d", "mlp", ("4e-3",), ("1e-2",), seeds=1, steps=20, every=20),
}
#: Numbers of runs in the table `scaling`.
SIZES, QUICK_SIZES = (1, 10, 100, 1000), (1, 2, 4)


def flop_per_run_step(layers: Sequence[int], batch: int) -> int:
    """Return the floating-point operations of the products in one training step of an MLP.

    A product of (B, n) and (n, m) has B·n·m multiplications and as many additions. Each layer
    has one forward, one backward for its weights and, but for the first, one for its inputs.
    """
    products = [2 * batch * n * m for n, m in pairwise(layers)]
    return 3 * sum(products) - products[0]
