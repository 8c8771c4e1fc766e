#!/usr/bin/env python3
"""Write the figures of results/decoupling and results/benchmarks/*.json into README.md.

scripts/bench_sweep         # measure them on an idle machine
scripts/readme_figures.py
"""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import adamcmp
from adamcmp import analysis
from bench_machine import machine_name
from bench_several_grids import EMPTY, LOOP, WARM, compared, fastest

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
        "reference study": reference_study(_benchmark("study")),
        "speed": speed(_benchmark("mlp"), _benchmark("sizes")),
    }
    for name, text in figures.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        readme, count = marks.subn(rf"\g<1>{text}\n\g<2>", readme)
        if count != 1:
            raise SystemExit(f"{README} must have exactly one place for {name!r}, not {count}.")
    return readme


def reference_study(timed: dict[str, Any]) -> str:
    """Return what the reference study is, how long it takes, and its verdict.

    Args:
        timed: The benchmark of the study.
    """
    study = adamcmp.load(STUDY, results=str(RESULTS))
    table = analysis.RunTable.from_frames(study.runs, study.metrics, study.examples)
    (verdict,) = analysis.verdicts(analysis.comparisons(table), analysis.audit(table))
    return (
        f"`adamcmp study {STUDY}` repeats the AdamW paper's comparison on MNIST-1D: "
        f"{len(study.runs):,} runs in {timed['seconds'] / 60:.0f} minutes on "
        f"{timed['machine']['cores']} cores.\n{verdict.overall}\n"
        f"[The reference study](docs/{STUDY}.md) compares this with the paper's claims; "
        f"[its report](results/{STUDY}/report/index.html) is one HTML page."
    )


def speed(mlp: dict[str, Any], sizes: dict[str, Any]) -> str:
    """Return the bullet about speed.

    Args:
        mlp: The benchmark that compares programs on a grid of an MLP.
        sizes: The benchmark of sweeps of several sizes; empty if it was not measured.
    """
    grid = mlp["grid"]
    runs = len(grid["lrs"]) * len(grid["wds"]) * grid["seeds"]
    ours, usual = (
        mlp["programs"][name]["us_per_run_step"] * runs * grid["steps"] / 1e6
        for name in ("ours", "usual")
    )
    sentences = (
        "- **Fast.** A sweep trains its runs together, as one batched computation.",
        *(_sizes(sizes) if sizes else ()),
        f"{runs} runs of an MLP, {grid['steps']:,} steps each, take {ours:.0f} s, and "
        f"{usual:.0f} s with a DataLoader, torch.optim and joblib "
        f"({machine_name(mlp['machine'])}, {mlp['machine']['date']}; "
        "[benchmarks](results/benchmarks/README.md)).",
    )
    return textwrap.fill(" ".join(sentences), 118, subsequent_indent="  ", break_on_hyphens=False)


def _sizes(result: dict[str, Any]) -> list[str]:
    """Return sentences about the largest sweep, and from which size on adamcmp is faster."""
    seconds = fastest(result, "seconds")
    runs, most = seconds.index[-1], seconds.iloc[-1]
    steps = result["grids"][runs]["steps"]
    warm, empty = (compared(seconds, column, LOOP, "that loop") for column in (WARM, EMPTY))
    return [
        f"{int(runs):,} runs of an MLP, {steps} steps each, take {most[WARM]:.0f} s, and "
        f"{most[LOOP]:.0f} s with a hand-written PyTorch loop ({machine_name(result['machine'])}).",
        f"With a warm cache, adamcmp is {warm}; with an empty one, it is {empty}.",
    ]


def _benchmark(name: str) -> dict[str, Any]:
    file = RESULTS / "benchmarks" / f"{name}.json"
    result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return result


if __name__ == "__main__":
    README.write_text(with_figures(README.read_text(encoding="utf-8")), encoding="utf-8")
