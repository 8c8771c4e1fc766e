"""Write the benchmark's page from the JSON files: tables, the machines, a plot."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from tabulate import tabulate

Result = dict[str, Any]

#: Colors of adamcmp and of the other programs, safe for color blindness (Okabe & Ito).
OURS, PEER = "#D55E00", "#0072B2"

TITLES = {
    "mlp": "MLP grid",
    "cnn": "CNN on 28×28 images",
    "scaling": "From 1 run to 1,000",
    "gpu": "MLP grid on a GPU",
}
PACKAGES = ("torch", "numpy", "jax", "pytorch-lightning", "hydra-joblib-launcher", "joblib")


def machine(table: str, processes: int) -> dict[str, str]:
    """Return the hardware and the versions that a table was measured with."""
    description = {
        "processor": _processor(),
        "cores": str(processes),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "date": datetime.now(UTC).date().isoformat(),
        "Python": platform.python_version(),
    }
    if table == "gpu":
        import torch

        description["GPU"] = torch.cuda.get_device_name()
    return description | {name: _version(name) for name in PACKAGES}


def _processor() -> str:
    listed = Path("/proc/cpuinfo")  # only on Linux
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def tables(results: dict[str, Result], style: str) -> str:
    """Return the tables of the results with their explanations, in tabulate's `style`."""
    builders = {"scaling": _scaling}
    return "\n\n".join(
        "\n\n".join([f"## {TITLES[name]}", *builders.get(name, _comparison)(result, style)])
        for name, result in results.items()
    )


def _comparison(result: Result, style: str) -> list[str]:
    """Return a table that compares programs, and the sentences around it."""
    grid, entries = result["grid"], result["programs"]
    runs = len(grid["lrs"]) * len(grid["wds"]) * grid["seeds"]
    ours = entries.get("ours", {}).get("us_per_run_step")
    fastest = result["peak"] and result["flop_per_run_step"] / result["peak"]["gflops"] / 1e3
    rows = [_row(entry, ours, fastest) for entry in entries.values()]
    headers = ["", "µs per run-step", "÷ adamcmp's", "µs while training"]
    headers += ["share of peak", "share while training"] if fastest else []
    headers += ["training loss", "test accuracy"]
    description = (
        f"{runs} runs of {grid['steps']:,} steps: {grid['dataset']}, {grid['model']}, AdamW, "
        f"lr {', '.join(grid['lrs'])} × wd {', '.join(grid['wds'])} × {grid['seeds']} seeds, "
        f"evaluated at the start and every {grid['every']} steps. "
        f"Fastest of {result['repeat']} passes; adamcmp without any cache "
        f"takes {result['cold_seconds']:.1f} s in total."
    )
    parts = [description, tabulate(rows, headers, tablefmt=style, disable_numparse=True)]
    parts += _peak_sentences(result, fastest) if fastest else []
    if any(entry["extrapolated"] for entry in entries.values()):
        parts.append("† Extrapolated from an eighth of the runs.")
    if result["jax_tried"]:
        tried = ", ".join(f"{how} {_us(us)}" for how, us in result["jax_tried"].items())
        parts.append(
            f"JAX uses its fastest configuration (µs per run-step while training): {tried}."
        )
    return parts


def _peak_sentences(result: Result, fastest: float) -> list[str]:
    """Return how a run-step compares with the peak, at which it takes `fastest` µs."""
    peak = result["peak"]
    width, microseconds = min(peak["products_us"].items(), key=lambda pair: pair[1])
    return [
        f"Peak: {peak['gflops']:.0f} GFLOP/s (torch.bmm, {peak['shape']}, all processes at once). "
        f"A run-step has {result['flop_per_run_step'] / 1e6:.2f} MFLOP in matrix products, which "
        f"take {fastest:.0f} µs at the peak. Products of evaluations are not counted.",
        f"The products, with nothing computed between them, take {microseconds:.0f} µs at the "
        f"best number of lanes ({width}). Their shapes allow {fastest / microseconds:.0%} of the "
        f"peak.",
    ]


def _row(entry: dict[str, Any], ours: float | None, fastest: float | None) -> list[str]:
    """Return the cells of one program; `fastest` is µs per run-step at the machine's peak."""
    whole, training = entry["us_per_run_step"], entry["us_training"]
    last = entry["passes"][-1]
    return [
        entry["label"] + (" †" if entry["extrapolated"] else ""),
        _us(whole),
        f"{whole / ours:.2f}" if ours else "–",
        _us(training),
        *([f"{fastest / whole:.0%}", f"{fastest / training:.0%}"] if fastest else []),
        f"{last['train_loss']:.3f}",
        f"{last['test_accuracy']:.3f}",
    ]


def _us(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _scaling(result: Result, style: str) -> list[str]:
    """Return the table of sweep sizes, and the sentences around it."""
    best = {int(size): min(each) for size, each in result["seconds"].items()}
    more: list[float] = [1e3 * (best[b] - best[a]) / (b - a) for a, b in pairwise(sorted(best))]
    rows = [
        [f"{size:,}", f"{best[size]:.2f}", f"{1e3 * best[size] / size:,.0f}", each]
        for size, each in zip(sorted(best), ["–", *(f"{ms:,.0f}" for ms in more)], strict=True)
    ]
    headers = ["runs", "seconds", "ms per run", "ms per additional run"]
    one = result["one_run"]
    run, bare = min(one["run"]), min(one["bare"])
    return [
        f"Runs of {result['grid']['steps']} steps of the grid's MLP, whole process, fastest of "
        f"{result['repeat']} passes.",
        tabulate(rows, headers, tablefmt=style, disable_numparse=True),
        f"A single `adamcmp run` of {one['steps']:,} steps takes {run:.2f} s, a script with only "
        f"the same loop {bare:.2f} s; the difference is {run - bare:+.2f} s.",
    ]


HEAD = """\
# Benchmark

adamcmp and other programs train the same grid; the tables compare their times. The script
`scripts/bench_sweep` writes this page, the plot and the raw times (one JSON file per table). The
other programs are in `scripts/bench_peers/` and also run separately (`pip install
'adamcmp[bench]'`). [NOTES.md](NOTES.md) explains the results.

![Time of a run-step](plot.png)

A run-step is one step of one run. Times are those of whole processes, including start-up and
evaluations. Programs run one after the other, with warm caches if a program has any, and with one
process per core and one thread per process unless stated otherwise. The other programs read the
data from a prepared npz file; adamcmp's time includes making its own. "While training" is the sum
of the runs' own times divided by the number of processes. It includes evaluations, but not start-up
and imports. It includes compiling for adamcmp, but not for JAX. All programs reach the same mean
training loss and test accuracy within a tolerance; otherwise the benchmark fails.
"""


def write_page(folder: Path) -> None:
    """Write README.md and plot.png from the tables' json files in `folder`."""
    files = {name: folder / f"{name}.json" for name in TITLES}
    results = {n: json.loads(f.read_text()) for n, f in files.items() if f.exists()}
    machines: dict[str, list[str]] = {}
    for name, result in results.items():
        machine_table = tabulate(
            result["machine"].items(), tablefmt="github", headers=["machine", ""]
        )
        machines.setdefault(machine_table, []).append(TITLES[name])
    parts = [HEAD.rstrip(), tables(results, "github"), "## Machine"]
    for machine_table, titles in machines.items():
        parts += [f"For: {'; '.join(titles)}", machine_table]
    (folder / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    comparisons = {n: r for n, r in results.items() if "programs" in r}
    if comparisons:
        draw(comparisons).savefig(folder / "plot.png", dpi=150)


def draw(comparisons: dict[str, Result]) -> Figure:
    """Draw one panel per table: bars of µs per run-step, the time while training in full color."""
    style = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    counts = [len(result["programs"]) for result in comparisons.values()]
    with mpl.rc_context(style):
        height = 0.42 * sum(counts) + 0.9 * len(counts)
        figure = Figure(figsize=(7.2, height), layout="constrained")
        axes = figure.subplots(len(counts), 1, squeeze=False, height_ratios=counts)[:, 0]
        for axis, (table, result) in zip(axes, comparisons.items(), strict=True):
            _bars(axis, TITLES[table], result["programs"])
    return figure


def _bars(axis: Any, title: str, entries: dict[str, dict[str, Any]]) -> None:
    names = [*entries]
    whole = [entries[name]["us_per_run_step"] for name in names]
    training = [entries[name]["us_training"] for name in names]
    colors = [OURS if name == "ours" else PEER for name in names]
    axis.barh(names, whole, color=colors, alpha=0.4, height=0.65)
    axis.barh(names, training, color=colors, height=0.65)
    ours = entries.get("ours", {}).get("us_per_run_step")
    for place, us in enumerate(whole):
        ratio = f"  ({us / ours:.1f}×)" if ours and names[place] != "ours" else ""
        axis.annotate(f" {us:,.0f}{ratio}", (us, place), va="center")
    labels = [
        entries[name]["label"] + (" †" if entries[name]["extrapolated"] else "") for name in names
    ]
    axis.set_yticks(range(len(names)), labels)
    axis.invert_yaxis()
    axis.set_xlim(0, 1.25 * max(whole))
    axis.set_title(title, loc="left", fontsize=10)
    axis.set_xlabel("µs per run-step, whole process (pale: start, imports; ×: over adamcmp)")
