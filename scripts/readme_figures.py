#!/usr/bin/env python3
"""Write the figures of results/decoupling and results/benchmarks/*.json into README.md.

scripts/readme_figures.py
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

import adamcmp
from adamcmp import analysis

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "results"
STUDY = "decoupling"


def with_figures(readme: str) -> str:
    """Return the README's text with the present figures between its marks.

    Raises:
        SystemExit: If marks such as ``<!-- speed -->`` and ``<!-- end -->`` are missing.
    """
    figures = {
        "reference study": reference_study(),
        "speed": speed(_benchmark("mlp"), _benchmark("scaling")),
    }
    for name, text in figures.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        readme, count = marks.subn(rf"\g<1>{text}\n\g<2>", readme)
        if count != 1:
            raise SystemExit(f"{README} must have exactly one place for {name!r}, not {count}.")
    return readme


def reference_study() -> str:
    """Return what the reference study is, how long it took, and its verdict."""
    study = adamcmp.load(STUDY, results=RESULTS)
    table = analysis.RunTable.from_frames(study.runs, study.metrics, study.examples)
    (verdict,) = analysis.verdicts(analysis.comparisons(table), analysis.audit(table))
    created = yaml.safe_load((study.folder / "study.yaml").read_text(encoding="utf-8"))["created"]
    finished = max(map(datetime.fromisoformat, study.runs["finished_at"]))
    minutes = (finished - datetime.fromisoformat(created)).total_seconds() / 60
    return (
        f"`adamcmp study {STUDY}` repeats the AdamW paper's comparison on MNIST-1D: "
        f"{len(study.runs):,} runs in {minutes:.0f} minutes on two cores.\n{verdict.overall}\n"
        f"[The reference study](docs/{STUDY}.md) compares this with the paper's claims; "
        f"[its report](results/{STUDY}/report/index.html) is one HTML page."
    )


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
    result: dict[str, Any] = json.loads(
        (RESULTS / "benchmarks" / f"{name}.json").read_text(encoding="utf-8")
    )
    return result


if __name__ == "__main__":
    README.write_text(with_figures(README.read_text(encoding="utf-8")), encoding="utf-8")
