"""What is decided before training, from what was asked and what was measured."""

import pytest
import torch

from adamcmp.config import Numerics
from adamcmp.errors import ConfigError
from adamcmp.execution.executors import Result, WorkerDied
from adamcmp.execution.forecast import forecast
from adamcmp.execution.pipeline import _workers
from adamcmp.planning import planner
from adamcmp.planning.grouping import LaneGroup, group, structure, why_alone
from adamcmp.planning.planner import Forecast, kinds, lacks_compiler, learn, no_compiler, settled
from adamcmp.planning.timings import Speed
from adamcmp.platform import provenance
from adamcmp.training.engines import compiled
from adamcmp.training.outcome import Done
from tests.conftest import CPU, needs_compiler

OPEN = Numerics()
GPU = CPU.model_copy(update={"device": "cuda"})


@pytest.fixture
def machine(monkeypatch):
    """Say what the machine has."""

    def has(gpu=False, compiler=True, triton=True, torch="2.13.0"):
        monkeypatch.setattr(provenance, "gpu_name", lambda: "NVIDIA of paper" if gpu else None)
        monkeypatch.setattr(provenance, "cpp_compiler", lambda: "g++" if compiler else None)
        monkeypatch.setattr(provenance, "find_spec", lambda name: triton or None)
        monkeypatch.setattr(provenance, "package_version", lambda name: torch)

    return has


def work(composer, steps, *words):
    config = composer.sweep(["model=mlp", "seed=range(10)", f"steps={steps}", *words])
    return kinds(config.runs)


@pytest.mark.parametrize(
    ("there", "steps", "engine"),
    [
        ({}, 4_000, "compiled"),
        ({}, 3_999, "eager"),
        ({"compiler": False}, 4_000, "eager"),
        ({"triton": False}, 4_000, "compiled"),
        ({"gpu": True}, 4_000, "eager"),
        ({"gpu": True}, 1_000_000, "compiled"),
        ({"gpu": True, "triton": False}, 1_000_000, "eager"),
        ({"gpu": True, "torch": "2.9.1+cu128"}, 1_000_000, "eager"),
        ({"gpu": True, "torch": "2.10.0"}, 1_000_000, "compiled"),
    ],
)
def test_the_engine_follows_from_the_work_and_the_machine(composer, machine, there, steps, engine):
    machine(**there)
    found = work(composer, steps)
    used = settled(OPEN, found.values())
    device = "cuda" if there.get("gpu") else "cpu"
    assert (used.device, used.engine) == (device, engine)
    wanted = steps >= (1_000_000 if device == "cuda" else 4_000)
    assert lacks_compiler(OPEN, used, found) == (wanted and engine == "eager")
    assert ("Triton" in no_compiler(device)) == (device == "cuda")
    # What is asked for is never overruled.
    assert settled(Numerics(engine="compiled", device="cpu"), found.values()).engine == "compiled"


def test_convolutions_are_fused_on_a_gpu_and_never_compiled(composer, machine, specs):
    machine(gpu=True)
    assert settled(OPEN, work(composer, 1_000_000, "model=cnn1d").values()).engine == "eager"
    compiled = {"cpu": CPU, "cuda": GPU}
    compiled = {d: n.model_copy(update={"engine": "compiled"}) for d, n in compiled.items()}
    reasons = {
        (model, device): why_alone(specs([f"model={model}"], numerics)[0])
        for model in ("mlp", "cnn1d", "gru")
        for device, numerics in compiled.items()
    }
    assert reasons["mlp", "cpu"] is reasons["mlp", "cuda"] is reasons["cnn1d", "cuda"] is None
    assert all(
        "one lane" in reasons[k] for k in [("cnn1d", "cpu"), ("gru", "cpu"), ("gru", "cuda")]
    )
    assert {s.numerics.engine for s in specs(["model=cnn1d"], compiled["cuda"])} == {"eager"}


def test_workers(composer):
    config = composer.sweep(["seed=0"])
    assert _workers(config, GPU) == 1  # also where it was found by device=auto
    assert _workers(config, CPU) == provenance.available_cores()
    assert _workers(composer.sweep(["seed=0", "workers=3"]), GPU) == 3


def test_between_measured_widths_a_group_is_on_a_straight_line():
    speed = Speed({1: 4e-4, 8: 6e-5, 64: 1e-5, 512: 3e-6}, 1e-3)
    assert speed.seconds(64, 100, 2) == pytest.approx(100 * 1e-5 + 2e-3)
    # 8 lanes take 480 µs, 64 take 640 µs.
    assert 36 * (speed.seconds(36, 1, 0)) == pytest.approx(560e-6)
    assert speed.seconds(2000, 1, 0) == pytest.approx(3e-6)
    assert [speed.width(most) for most in (1, 7, 8, 100, 512, 9999)] == [1, 7, 8, 100, 512, 512]
    # Where wider is not faster it is not taken.
    slow = Speed({1: 1e-4, 2: 9e-5, 4: 2e-4}, 1e-3)
    assert [slow.width(most) for most in (1, 2, 3, 4, 9)] == [1, 2, 2, 2, 2]


def test_one_worker_takes_all_lanes_at_once_and_several_share_them(specs):
    planned = specs(["model=mlp", "seed=range(100)"], GPU)
    found = kinds(spec.config for spec in planned)
    speeds = dict.fromkeys(found, Speed({1: 1e-3, 64: 1e-4, 512: 1e-5}, 1e-3))
    for workers, widths in ((1, [100]), (2, [25] * 4)):
        groups = group(planned, Forecast(found, speeds, workers).width)
        assert [len(g.specs) for g in groups] == widths and all(g.fused for g in groups)


@needs_compiler
@pytest.mark.skipif(
    tuple(map(int, torch.__version__.split(".")[:2])) < (2, 10), reason="torch keeps no artifacts"
)
def test_an_artifact_serves_all_widths_and_changes_what_it_is_given(monkeypatch, tmp_path):
    """What is kept for a GPU, made for the processor instead."""

    class Artifact(compiled._Artifact):
        device = "cpu"

    monkeypatch.setattr(compiled, "_Library", Artifact)
    monkeypatch.setattr(compiled, "cache_folder", lambda: tmp_path)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))

    def step(state, x):
        state.add_(x)
        return (state.sum(1),)

    arguments = [torch.zeros(2, 3), torch.ones(2, 3)]
    for _ in range(2):  # compiled, then read
        run = compiled.compiled(step, arguments, [{0: "M"}, {0: "M"}], "test")
        for lanes in (1, 5, 64):
            state = torch.ones(lanes, 3)
            (shown,) = run([state, torch.full((lanes, 3), 2.0)])
            assert shown.tolist() == [9.0] * lanes and torch.equal(
                state, torch.full((lanes, 3), 3.0)
            )
        assert len([*tmp_path.glob("compiled/*.artifact")]) == 1
        monkeypatch.setattr(compiled, "_compile", None)


def test_a_damaged_library_is_compiled_anew(monkeypatch, tmp_path):
    class Written:
        """Compiled code of a kind that is quick to make."""

        device, suffix = "cpu", ".text"

        def load(self, file):
            return file.read_text

    made = []

    def compile_(graph, form, file):
        made.append(file)
        file.write_text("the code")

    monkeypatch.setattr(compiled, "_Library", Written)
    monkeypatch.setattr(compiled, "_compile", compile_)
    monkeypatch.setattr(compiled, "trace", lambda *arguments: None)
    monkeypatch.setattr(compiled, "cache_folder", lambda: tmp_path)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))

    def run():
        return compiled.compiled(lambda x: (x,), [torch.zeros(2)], [{0: "M"}], "test")()

    assert run() == run() == "the code" and len(made) == 1
    (kept,) = tmp_path.glob("compiled/*.text")
    kept.write_text("the co")
    assert run() == "the code" and len(made) == 2
    assert [path.name for path in tmp_path.glob("compiled/*.text")] == [kept.name]


def test_a_wrong_speed_is_forgotten_where_it_was_kept(specs, monkeypatch):
    """Speeds are kept by the study's numerics, also of what it trains eagerly."""
    compiled = CPU.model_copy(update={"engine": "compiled"})
    planned = specs(["model=cnn1d", "steps=1000"], compiled)
    assert planned[0].numerics.engine == "eager"
    found = kinds(spec.config for spec in planned)
    forgotten = []
    monkeypatch.setattr(planner, "forget_speed", forgotten.append)
    (key,) = (kind.key(compiled) for kind in found.values())
    forecast = Forecast(found, dict.fromkeys(found, Speed({1: 1e-3}, 1e-6)), 1)
    one = LaneGroup(tuple(planned))
    for seconds in (1.2, 0.2, 5.0):  # a second was foreseen; short groups tell nothing
        done = Done([{"status": "done", "wall_time_s": seconds}], [])
        learn(forecast, one, done, compiled)
    assert forgotten == [key]


def test_a_run_whose_check_kills_its_process_is_left_to_training(specs, monkeypatch):
    monkeypatch.setattr("adamcmp.execution.forecast.remembered", lambda *_: {})
    monkeypatch.setattr("adamcmp.execution.forecast.remember", lambda *_: None)
    planned = specs(["model=mlp,logistic", "seed=range(2)"])
    asked = []

    class Dying:
        workers, busy = 2, 0

        def submit(self, function, item, progress):
            asked.append(item)
            self.busy += 1

        def wait(self):
            self.busy, new = 0, asked[-self.busy :]
            models = {spec: spec.config.model.name for spec, _ in new}
            speed = Speed({1: 1.0}, 1.0)
            return [Result(i, WorkerDied("") if models[i[0]] == "mlp" else speed) for i in new]

    found = forecast(Dying(), planned, CPU, lambda: None)
    assert len(asked) == 3 and [*found.speeds] == [structure(planned[-1].config)]
    assert found.total(group(planned, found.width)) is None


def test_evaluations_without_number_are_refused(composer):
    for words in (
        ["steps=999999999999"],
        ["epochs=999999999"],
        ["steps=1000000", "eval.every_steps=1"],
    ):
        with pytest.raises(ConfigError, match="evaluations of a run are too many: at most 100,000"):
            kinds(composer.sweep(words).runs)
