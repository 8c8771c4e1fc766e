#!/usr/bin/env python3
"""Write the benchmark's figures from results/benchmarks/*.json into README.md.

scripts/readme_figures.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
BENCHMARKS = ROOT / "results" / "benchmarks"


def with_figures(readme: str) -> str:
    """Return the README's text with the bullet about speed between its marks.

    Raises:
        SystemExit: If the marks ``<!-- speed -->`` and ``<!-- end -->`` are missing.
    """
    bullet = speed(_benchmark("mlp"), _benchmark("scaling"))
    marks = re.compile(r"(<!-- speed -->\n).*?(<!-- end -->)", re.DOTALL)
    readme, count = marks.subn(lambda match: f"{match[1]}{bullet}\n{match[2]}", readme)
    if count != 1:
        raise SystemExit(f"{README} must have exactly one place for the figures, not {count}.")
    return readme


def speed(mlp: dict[str, Any], scaling: dict[str, Any]) -> str:
    """Return the bullet about speed.

    Args:
        mlp: The benchmark that compares programs on a grid of an MLP.
        scaling: The benchmark of sweeps of several sizes.
    """
    grid = mlp["grid"]
    runs = len(grid["lrs"]) * len(grid["wds"]) * grid["seeds"]
    ours, usual = (
        mlp["programs"][name]["us_per_run_step"] * runs * grid["steps"] / 1e6
        for name in ("ours", "usual")
    )
    cores = mlp["machine"]["cores"]
    return (
        f"- **Fast.** A sweep trains its runs together, as one batched, compiled computation. On "
        f"{cores} cores, {runs} runs\n  of an MLP, {grid['steps']:,} steps each, take "
        f"{ours:.0f} s; with a DataLoader, torch.optim and joblib they take\n  {usual:.0f} s. "
        f"1,000 runs of {scaling['grid']['steps']} steps take "
        f"{min(scaling['seconds']['1000']):.0f} s "
        f"([benchmarks](results/benchmarks/README.md))."
    )


def _benchmark(name: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((BENCHMARKS / f"{name}.json").read_text(encoding="utf-8"))
    return result


if __name__ == "__main__":
    README.write_text(with_figures(README.read_text(encoding="utf-8")), encoding="utf-8")
