"""The benchmark's page: tables, the machine, a plot; written anew from the files of numbers."""

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

#: Colours that the colour-blind can tell apart (Okabe & Ito): ours, and the peers'.
OURS, PEER = "#D55E00", "#0072B2"

TITLES = {
    "mlp": "MLP grid",
    "cnn": "CNN on 28×28 images",
    "scaling": "From 1 run to 1,000",
    "gpu": "MLP grid on a GPU",
}
PACKAGES = ("torch", "numpy", "jax", "pytorch-lightning", "hydra-joblib-launcher", "joblib")


def machine(table: str, processes: int) -> dict[str, str]:
    """Return what computes, and with which versions."""
    about = {
        "processor": _processor(),
        "cores": str(processes),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "date": datetime.now(UTC).date().isoformat(),
        "Python": platform.python_version(),
    }
    if table == "gpu":
        import torch

        about["GPU"] = torch.cuda.get_device_name()
    return about | {name: _version(name) for name in PACKAGES}


def _processor() -> str:
    listed = Path("/proc/cpuinfo")  # Linux alone has it
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def tables(results: dict[str, Result], style: str) -> str:
    """Return the results' tables, with what to know of each, as text in tabulate's `style`."""
    makers = {"scaling": _scaling}
    return "\n\n".join(
        "\n\n".join([f"## {TITLES[name]}", *makers.get(name, _contest)(result, style)])
        for name, result in results.items()
    )


def _contest(result: Result, style: str) -> list[str]:
    """Return the parts of a table of contestants."""
    grid, entries = result["grid"], result["contestants"]
    runs = len(grid["lrs"]) * len(grid["wds"]) * grid["seeds"]
    ours = entries.get("ours", {}).get("us_per_run_step")
    fastest = result["peak"] and result["flop_per_run_step"] / result["peak"]["gflops"] / 1e3
    rows = [_row(entry, ours, fastest) for entry in entries.values()]
    headers = ["", "µs per run-step", "÷ adamcmp's", "µs while training"]
    headers += ["share of peak", "share while training"] if fastest else []
    headers += ["training loss", "test accuracy"]
    about = (
        f"{runs} runs of {grid['steps']:,} steps: {grid['dataset']}, {grid['model']}, AdamW, "
        f"lr {', '.join(grid['lrs'])} × wd {', '.join(grid['wds'])} × {grid['seeds']} seeds, "
        f"measured at the start and every {grid['every']} steps. "
        f"Fastest of {result['repeat']} passes; adamcmp without any cache: "
        f"{result['cold_seconds']:.1f} s in all."
    )
    parts = [about, tabulate(rows, headers, tablefmt=style, disable_numparse=True)]
    if fastest:
        parts.append(
            f"Peak: {result['peak']['gflops']:.0f} GFLOP/s (torch.bmm, {result['peak']['shape']}, "
            f"all processes at once). A run-step has {result['flop_per_run_step'] / 1e6:.2f} MFLOP "
            f"of products, {fastest:.0f} µs at the peak; those of evaluations are not counted."
        )
        width, alone = min(result["peak"]["products_us"].items(), key=lambda pair: pair[1])
        parts.append(
            f"These products alone, with nothing between them, take {alone:.0f} µs at the best "
            f"width ({width} runs side by side): {fastest / alone:.0%} of the peak is what their "
            f"shapes allow."
        )
    if any(entry["extrapolated"] for entry in entries.values()):
        parts.append("† extrapolated from an eighth of the runs.")
    if result["jax_tried"]:
        tried = ", ".join(f"{how} {_us(us)}" for how, us in result["jax_tried"].items())
        parts.append(f"JAX takes its best of (µs per run-step, while training): {tried}.")
    return parts


def _row(entry: dict[str, Any], ours: float | None, fastest: float | None) -> list[str]:
    """Return one contestant's cells; `fastest` is µs per run-step at the machine's peak."""
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
    """Return the parts of the table of sizes."""
    best = {int(size): min(each) for size, each in result["seconds"].items()}
    more: list[float] = [1e3 * (best[b] - best[a]) / (b - a) for a, b in pairwise(sorted(best))]
    rows = [
        [f"{size:,}", f"{best[size]:.2f}", f"{1e3 * best[size] / size:,.0f}", each]
        for size, each in zip(sorted(best), ["–", *(f"{ms:,.0f}" for ms in more)], strict=True)
    ]
    headers = ["runs", "seconds", "ms per run", "ms per further run"]
    one = result["one_run"]
    run, bare = min(one["run"]), min(one["bare"])
    return [
        f"Runs of {result['grid']['steps']} steps of the grid's MLP, whole process, fastest of "
        f"{result['repeat']} passes.",
        tabulate(rows, headers, tablefmt=style, disable_numparse=True),
        f"`adamcmp run` alone, {one['steps']:,} steps: {run:.2f} s; a bare script with the same "
        f"loop: {bare:.2f} s; difference {run - bare:+.2f} s.",
    ]


HEAD = """\
# Benchmark

`scripts/bench_sweep` writes this page, the plot and the raw times (one json a table); the peers are
`scripts/bench_peers/`, small programs that run by themselves (`pip install 'adamcmp[bench]'`). What
was learned on the way is in [NOTES.md](NOTES.md).

![Time of a run-step](plot.png)

Times are of whole processes, start and evaluations included, in turn, with caches warm where a
contestant has any. Each uses a process a core with one thread each, unless said otherwise. The
peers read the data from an npz file that lies ready; adamcmp makes its own within its time. "While
training" is the runs' own time over the number of processes: evaluations are in it, starting and
importing are not (compiling is, where adamcmp does it; for JAX it is not). All end with the same
mean training loss and test accuracy within the tolerance, or there would be no table.
"""


def write_page(folder: Path) -> None:
    """Write README.md and plot.png from the tables' json files in `folder`."""
    files = {name: folder / f"{name}.json" for name in TITLES}
    results = {n: json.loads(f.read_text()) for n, f in files.items() if f.exists()}
    machines: dict[str, list[str]] = {}
    for name, result in results.items():
        about = tabulate(result["machine"].items(), tablefmt="github", headers=["machine", ""])
        machines.setdefault(about, []).append(TITLES[name])
    parts = [HEAD.rstrip(), tables(results, "github"), "## Machine"]
    for about, of in machines.items():
        parts += [f"Of: {'; '.join(of)}", about]
    (folder / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    contests = {n: r for n, r in results.items() if "contestants" in r}
    if contests:
        draw(contests).savefig(folder / "plot.png", dpi=150)


def draw(contests: dict[str, Result]) -> Figure:
    """Draw a panel a table: bars of µs per run-step, the part while training in full colour."""
    style = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    counts = [len(result["contestants"]) for result in contests.values()]
    with mpl.rc_context(style):
        height = 0.42 * sum(counts) + 0.9 * len(counts)
        figure = Figure(figsize=(7.2, height), layout="constrained")
        axes = figure.subplots(len(counts), 1, squeeze=False, height_ratios=counts)[:, 0]
        for axis, (table, result) in zip(axes, contests.items(), strict=True):
            _bars(axis, TITLES[table], result["contestants"])
    return figure


def _bars(axis: Any, title: str, entries: dict[str, dict[str, Any]]) -> None:
    names = [*entries]
    whole = [entries[name]["us_per_run_step"] for name in names]
    training = [entries[name]["us_training"] for name in names]
    colours = [OURS if name == "ours" else PEER for name in names]
    axis.barh(names, whole, color=colours, alpha=0.4, height=0.65)
    axis.barh(names, training, color=colours, height=0.65)
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
