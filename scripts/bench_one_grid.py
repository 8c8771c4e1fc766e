"""The table that compares programs on one grid, and the sentences around it."""

from __future__ import annotations

from typing import Any

from tabulate import tabulate

Result = dict[str, Any]


def one_grid_table(result: Result, style: str) -> list[str]:
    """Return the table and its sentences; `style` is tabulate's."""
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
        f"Fastest of {result['repeat']} passes, with warm caches; with an empty cache adamcmp "
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
