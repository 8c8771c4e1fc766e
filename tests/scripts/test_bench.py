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
    grid = scripts("bench_grids").GRIDS["mlp"]
    return scripts("bench_programs").Measurement(1.0, 0.5, grid.runs, grid.evaluations, 0.26, 0.60)


@pytest.mark.slow
def test_it_runs_end_to_end(tmp_path):
    overrides = ["--table", "mlp", "--quick", "--only", "ours,loop", "--out", tmp_path]
    command = [sys.executable, ROOT / "scripts" / "bench_sweep", *overrides]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "mlp.json").read_text())
    assert set(result["programs"]) == {"ours", "loop"}
    for entry in result["programs"].values():
        assert entry["us_per_run_step"] > entry["us_training"] > 0
        assert entry["label"] in done.stdout
    page = (tmp_path / "README.md").read_text()
    assert "loop by hand" in page and result["machine"]["processor"] in page
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_work_passes(scripts, ours):
    programs, grid = scripts("bench_programs"), scripts("bench_grids").GRIDS["mlp"]
    near, far = (replace(ours, train_loss=loss, test_accuracy=0.59) for loss in (0.275, 0.285))
    programs.check("peer", near, ours, grid)
    with pytest.raises(programs.ResultMismatch):
        programs.check("peer", far, ours, grid)


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
    programs, grid = scripts("bench_programs"), scripts("bench_grids").GRIDS["mlp"]
    with pytest.raises(programs.ResultMismatch, match=message):
        programs.check("peer", replace(ours, **wrong), ours, grid)


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
    grid = script.QUICK["mlp"]
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


@pytest.mark.parametrize(("model", "inputs"), [("mlp", (40,)), ("cnn", (1, 28, 28))])
def test_peers_have_our_network(scripts, composer, model, inputs):
    from adamcmp.components.data import Shape

    theirs = scripts("_network").network(model, inputs)
    ours = composer.run([f"model={model}"]).runs[0].model.build(Shape(inputs, 10, "classification"))
    shapes = [[tuple(p.shape) for p in network.parameters()] for network in (theirs, ours)]
    assert shapes[0] == shapes[1]


def test_extrapolation_lets_only_training_grow(ours):
    extrapolated_to = replace(ours, runs=8).extrapolated_to(64)
    assert extrapolated_to.training_s == pytest.approx(4.0)
    assert extrapolated_to.seconds == pytest.approx(4.5)
