"""The grids that the benchmark trains, and the floating-point operations of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
        model: Its name in adamcmp.
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
_MLP = Grid("mnist1d", "mlp", _LRS, _WDS, seeds=4, steps=2000, expected=(0.26, 0.60))


def sized(runs: int, steps: int) -> Grid:
    """Return a part of the MLP grid, or the grid with more seeds; `runs` is a power of 4."""
    # The fewer runs, the more their means depend on the initial weights and the batches.
    tolerance = max(0.02, 0.2 / runs**0.5)
    return Grid(
        *("mnist1d", "mlp", _LRS[:runs], _WDS[: max(1, runs // 4)], max(1, runs // 16), steps),
        every=min(200, steps),
        tolerance=tolerance,
    )


#: Each model that ships, and a dataset for it. `custom` and `torchvision` name others' networks.
MODELS = {
    **dict.fromkeys(("logistic", "mlp", "cnn1d", "gru", "vit"), "mnist1d"),
    "cnn": "mnist5k",
    "resnet": "digits",
}


def of_model(model: str, seeds: int, steps: int) -> Grid:
    """Return 8 runs of a model for each seed."""
    grid = Grid(MODELS[model], model, ("1e-3", "2e-3"), _WDS, seeds, steps, every=steps // 2)
    return replace(grid, tolerance=0.15)


#: The grids of each table, by the name of the row. A table that compares programs on one grid has
#: one row.
GRIDS: Mapping[str, Mapping[str, Grid]] = {
    "mlp": {"": _MLP},
    "sizes": {str(runs): sized(runs, 400) for runs in (1, 4, 16, 64, 256, 1024)},
    "one_run": {str(steps): sized(1, steps) for steps in (400, 4000)},
    "models": {model: of_model(model, 2, 200) for model in MODELS},
    "gpu": {"": replace(_MLP, device="cuda")},
}
#: Tiny grids to test the benchmark itself. After so few steps the means differ by chance.
_TINY = Grid("mnist1d", "mlp", ("1e-3", "4e-3"), ("1e-2",), 2, 40, every=20, tolerance=0.2)
QUICK: Mapping[str, Mapping[str, Grid]] = {
    "mlp": {"": _TINY},
    "sizes": {str(runs): replace(sized(runs, 20), tolerance=0.5) for runs in (1, 4)},
    "one_run": {str(steps): replace(sized(1, steps), tolerance=0.5) for steps in (20, 40)},
    "models": {
        model: replace(of_model(model, 1, 2), lrs=("1e-3",), wds=_WDS[:2], tolerance=0.5)
        for model in ("logistic", "vit")
    },
    "gpu": {"": replace(_TINY, device="cuda")},
}


def flop_per_run_step(layers: Sequence[int], batch: int) -> int:
    """Return the floating-point operations of the products in one training step of an MLP.

    A product of (B, n) and (n, m) has B·n·m multiplications and as many additions. Each layer
    has one forward, one backward for its weights and, but for the first, one for its inputs.
    """
    products = [2 * batch * n * m for n, m in pairwise(layers)]
    return 3 * sum(products) - products[0]
