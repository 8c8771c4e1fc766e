"""Write the benchmark's page from the JSON files: tables, the machines, plots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tabulate import tabulate

from bench_machine import machine_name
from bench_one_grid import one_grid_table
from bench_plots import TITLES, draw_programs, draw_sizes
from bench_several_grids import fastest, models_table, one_run_table, sizes_table

Result = dict[str, Any]


def tables(results: dict[str, Result], style: str) -> str:
    """Return the tables of the results with their explanations, in tabulate's `style`."""
    return "\n\n".join(
        "\n\n".join([f"## {TITLES[name]}", _measured_on(result), *_BUILDERS[name](result, style)])
        for name, result in results.items()
    )


def _measured_on(result: Result) -> str:
    machine = result["machine"]
    code = machine.get("adamcmp", "an unknown commit")
    return f"Measured on {machine_name(machine)}, {machine['date']}, with adamcmp at {code}."


def _study(result: Result, style: str) -> list[str]:
    minutes = result["seconds"] / 60
    return [f"`adamcmp study {result['study']}`, with an empty cache: {minutes:.1f} minutes."]


_BUILDERS = {
    "sizes": sizes_table,
    "one_run": one_run_table,
    "models": models_table,
    "mlp": one_grid_table,
    "gpu": one_grid_table,
    "study": _study,
}

HEAD = """\
# Benchmark

adamcmp and other programs train the same grids; the tables compare their times. The script
`scripts/bench_sweep` writes this page, the plots and the raw times (one JSON file per table). The
other programs are in `scripts/bench_peers/` and also run separately (`pip install
'adamcmp[bench]'`). [NOTES.md](NOTES.md) explains the results.

A run-step is one step of one run. Times are those of whole processes, including start-up and
evaluations. Programs run one after the other, with one process per core, but at most one per run,
and one thread per process unless stated otherwise. All write into new folders. Data that have to be
generated are in a file for the other programs and in adamcmp's cache. An empty cache contains only
these data; a warm one also contains what the same command has stored in it before. "While training"
is the sum of the times within runs divided by the number of processes. It includes evaluations, but
not start-up and imports. It includes compiling for adamcmp, but not for JAX. All programs reach the
same mean training loss and test accuracy within a tolerance; otherwise the benchmark fails.
"""


def write_page(folder: Path) -> None:
    """Write README.md and the plots from the tables' json files in `folder`."""
    files = {name: folder / f"{name}.json" for name in TITLES}
    results = {n: json.loads(f.read_text()) for n, f in files.items() if f.exists()}
    parts = [HEAD.rstrip()]
    if "sizes" in results:
        seconds = fastest(results["sizes"], "seconds")
        draw_sizes(seconds, results["sizes"]["labels"]).savefig(folder / "sizes.png", dpi=150)
        parts.append("![Time of a sweep over its number of runs](sizes.png)")
    comparisons = {n: r for n, r in results.items() if "programs" in r}
    if comparisons:
        draw_programs(comparisons).savefig(folder / "plot.png", dpi=150)
        parts.append("![Time of a run-step](plot.png)")
    parts += [tables(results, "github"), "## Machines", *_machines(results)]
    (folder / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _machines(results: dict[str, Result]) -> list[str]:
    """Return a table of each machine, and for which tables it was used."""
    titles: dict[str, list[str]] = {}
    for name, result in results.items():
        rows = result["machine"].items()
        machine = tabulate(rows, tablefmt="github", headers=["machine", ""])
        titles.setdefault(machine, []).append(TITLES[name])
    return [text for table, names in titles.items() for text in (f"For: {'; '.join(names)}", table)]
