"""The benchmark runs, and rejects a program that does less work than the others."""

import importlib
import json
import math
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def scripts(monkeypatch):
    """Return an importer of the scripts' modules."""
    for folder in ("scripts", "scripts/bench_peers"):
        monkeypatch.syspath_prepend(ROOT / folder)
    yield importlib.import_module
    for name, module in [*sys.modules.items()]:
        if str(getattr(module, "__file__", None) or "").startswith(str(ROOT / "scripts")):
            del sys.modules[name]


@pytest.fixture
def ours(scripts):
    grid = scripts("bench_grids").GRIDS["mlp"][""]
    work = grid.runs, grid.evaluations
    return scripts("bench_runner").Measurement(1.0, 1.5, 0.5, *work, 0.26, 0.60)


def measure_quickly(table, out):
    """Run the script for a table; return its JSON, its output and the page."""
    overrides = ["--table", table, "--quick", "--only", "ours,loop,loop_over_ours", "--out", out]
    command = [sys.executable, ROOT / "scripts" / "bench_sweep", *overrides]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((out / f"{table}.json").read_text())
    page = (out / "README.md").read_text()
    assert result["machine"]["processor"] in done.stdout and result["machine"]["cores"] in page
    return result, done.stdout, page


@pytest.mark.slow
def test_one_grid_is_measured(tmp_path):
    result, output, page = measure_quickly("mlp", tmp_path)
    assert set(result["programs"]) == {"ours", "loop"}
    for entry in result["programs"].values():
        assert entry["us_per_run_step"] > entry["us_training"] > 0
        assert entry["label"] in output
    assert "loop by hand" in page
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "grids", "text"),
    [
        ("sizes", ["1", "4"], "With an empty cache, adamcmp is"),
        ("one_run", ["20", "40"], "A further step"),
        ("models", ["logistic", "vit"], "nn.TransformerEncoder"),
    ],
)
def test_several_grids_are_measured(tmp_path, table, grids, text):
    result, _, page = measure_quickly(table, tmp_path)
    loop = "loop_over_ours" if table == "models" else "loop"
    measured = [(row["grid"], row["program"], row["cache"]) for row in result["rows"]]
    programs = [("ours", "empty"), ("ours", "warm"), (loop, "")]
    assert measured == [(grid, *program) for grid in grids for program in programs]
    assert all(row["seconds"] > 0 and row["cpu_seconds"] > 0 for row in result["rows"])
    assert text in page
    assert (tmp_path / "sizes.png").exists() == (table == "sizes")


@pytest.mark.slow
def test_the_study_is_timed(tmp_path):
    result, _, page = measure_quickly("study", tmp_path)
    assert result["seconds"] > 0 and "adamcmp study decoupling" in page


def test_the_same_work_passes(scripts, ours):
    runner, grid = scripts("bench_runner"), scripts("bench_grids").GRIDS["mlp"][""]
    near, far = (replace(ours, train_loss=loss, test_accuracy=0.59) for loss in (0.275, 0.285))
    runner.check("peer", near, ours, grid)
    with pytest.raises(runner.ResultMismatch):
        runner.check("peer", far, ours, grid)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"train_loss": 0.30}, "mean train_loss of 0.300"),
        ({"train_loss": math.nan}, "mean train_loss of nan"),
        ({"test_accuracy": 0.57}, "mean test_accuracy of 0.570"),
        ({"evaluations": 1}, "with 1 evaluations each"),
        ({"runs": 63}, "trained 63 runs"),
    ],
)
def test_other_work_is_rejected(scripts, ours, wrong, message):
    runner, grid = scripts("bench_runner"), scripts("bench_grids").GRIDS["mlp"][""]
    with pytest.raises(runner.ResultMismatch, match=message):
        runner.check("peer", replace(ours, **wrong), ours, grid)


def test_wrong_results_stop_the_script(scripts, ours, tmp_path, monkeypatch, capsys):
    """A program that trains badly gives exit code 1, and no table."""
    from importlib.machinery import SourceFileLoader
    from types import ModuleType

    import pandas as pd

    loader = SourceFileLoader("bench_sweep", str(ROOT / "scripts" / "bench_sweep"))
    script = ModuleType("bench_sweep")
    script.__file__ = loader.path
    sys.modules["bench_sweep"] = script  # dataclasses look themselves up
    loader.exec_module(script)
    grid = scripts("bench_grids").QUICK["mlp"][""]
    good = replace(ours, runs=grid.runs, evaluations=grid.evaluations, train_loss=1.9)
    rows = [
        {"lr": float(lr), "wd": 1e-2, "seed": seed, "train_loss": 1.9, "test_accuracy": 0.6}
        for lr in grid.lrs
        for seed in range(grid.seeds)
    ]
    runner = script.Runner
    monkeypatch.setattr(runner, "ours", lambda *_: (good, pd.DataFrame(rows)))
    monkeypatch.setattr(runner, "peer", lambda *_, **__: replace(good, train_loss=2.3))
    monkeypatch.setattr(runner, "peak", lambda *_: {"gflops": 100.0, "shape": "1×8×8×8"})
    overrides = ["--table", "mlp", "--quick", "--only", "ours,loop", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["bench_sweep", *overrides])
    assert script.main() == 1
    assert "loop by hand, fused AdamW, joblib reached a mean train_loss of 2.300" in (
        capsys.readouterr().err
    )
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(("layers", "batch"), [((40, 100, 100, 10), 128), ((7, 3), 5)])
def test_flop_are_as_torch_counts_them(scripts, layers, batch):
    import torch
    from torch import nn
    from torch.utils.flop_counter import FlopCounterMode

    sizes = pairwise(layers)
    network = nn.Sequential(*(nn.Linear(n, m) for n, m in sizes))
    with FlopCounterMode(display=False) as counter:
        network(torch.randn(batch, layers[0])).sum().backward()
    assert scripts("bench_grids").flop_per_run_step(layers, batch) == counter.get_total_flops()


def shapes(network):
    return [tuple(p.shape) for p in network.parameters()]


def test_peers_have_our_network(scripts, composer):
    from adamcmp.components.data import Shape

    shape = Shape((40,), 10, "classification")
    ours = composer.run(["model=mlp"]).runs[0].model.build(shape)
    assert shapes(scripts("_network").mlp(40)) == shapes(ours)
    vit = composer.run(["model=vit"]).runs[0].model
    network = vit.build(shape)
    torchs = scripts("prepare_networks").of_torchs_layers(vit, network)
    assert sorted(shapes(torchs)) == sorted(shapes(network))


def test_every_model_that_ships_is_measured(scripts):
    models = {file.stem for file in (ROOT / "configs" / "model").glob("*.yaml")}
    others = {"custom", "torchvision"}  # their networks do not ship
    assert scripts("bench_grids").GRIDS["models"].keys() == models - others


def test_grids_have_the_sizes_that_they_are_named_by(scripts):
    grids = scripts("bench_grids")
    for tables in (grids.GRIDS, grids.QUICK):
        assert [str(grid.runs) for grid in tables["sizes"].values()] == [*tables["sizes"]]
        assert [str(grid.steps) for grid in tables["one_run"].values()] == [*tables["one_run"]]
    assert {grid.runs for grid in grids.GRIDS["models"].values()} == {16}


@pytest.mark.parametrize(
    ("ours", "theirs", "crossover"),
    [
        ({1: 2.0, 4: 2.0, 16: 2.0}, {1: 1.0, 4: 1.0, 16: 5.0}, 4 + 12 / 4),
        ({1: 2.0, 4: 2.0}, {1: 3.0, 4: 4.0}, 0),
        ({1: 2.0, 4: 2.0}, {1: 3.0, 4: 1.0}, None),
        ({1: 2.0, 4: 1.0, 16: 9.0, 64: 9.0}, {1: 1.0, 4: 2.0, 16: 8.0, 64: 12.0}, 16 + 48 / 4),
    ],
)
def test_the_crossover_is_where_the_times_are_equal(scripts, ours, theirs, crossover):
    assert scripts("bench_several_grids").crossover(ours, theirs) == crossover


def several_grids(times, grids):
    """Return the JSON of a table from seconds by grid and (program, cache)."""
    rows = [
        {"grid": grid, "program": program, "cache": cache, "seconds": seconds + late}
        | {"training_s": seconds / 2, "engine": "eager" if program == "ours" else ""}
        for grid in grids
        for (program, cache), seconds in times[grid].items()
        for late in (0.5, 0.0)
    ]
    labels = {program: program for columns in times.values() for program, _ in columns}
    return {"repeat": 2, "grids": grids, "labels": labels, "rows": rows}


def test_tables_show_ratios_of_the_fastest_passes(scripts):
    from dataclasses import asdict

    grids, report = scripts("bench_grids"), scripts("bench_several_grids")
    ours, loop = {("ours", "empty"): 9.0, ("ours", "warm"): 3.0}, {("loop", ""): 6.0}
    times = {"1": ours | loop, "4": ours | {("loop", ""): 30.0}}
    sizes = {name: asdict(grid) for name, grid in grids.QUICK["sizes"].items()}
    _, table, *sentences = report.sizes_table(several_grids(times, sizes), "github")
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert cells[2:] == [
        ["1", "eager", "9.00", "3.00", "6.00", "0.50", "1.50", "–"],
        ["4", "eager", "9.00", "3.00", "30.00", "0.10", "0.30", "–"],
    ]
    assert [sentence.rpartition("loop by hand ")[2] for sentence in sentences] == [
        "at every size.",
        "from about 2 runs on.",
    ]
    models = {"vit": asdict(grids.GRIDS["models"]["vit"])}
    loops = {("loop_over_ours", ""): 6.0, ("loop_over_torchs", ""): 1.5}
    _, table = report.models_table(several_grids({"vit": ours | loops}, models), "github")
    cells = [cell.strip() for cell in table.splitlines()[2].split("|")[1:-1]]
    assert cells[:7] == ["vit", "mnist1d", "eager", "9.0", "3.0", "6.0", "0.50"]
    assert cells[7:] == ["469", "938", "234", "0.50", "2.00"]


def test_the_machine_has_a_name(scripts):
    machine = scripts("bench_machine")
    described = machine.machine("mlp", 2)
    assert described["manufacturer"] in machine.machine_name(described)
    virtual = {"processor": "QEMU CPU", "manufacturer": "Intel", "cores": "4"}
    assert machine.machine_name(virtual) == "QEMU CPU (Intel), 4 cores"


def test_extrapolation_lets_only_training_grow(ours):
    extrapolated_to = replace(ours, runs=8).extrapolated_to(64)
    assert extrapolated_to.training_s == pytest.approx(4.0)
    assert extrapolated_to.seconds == pytest.approx(4.5)
