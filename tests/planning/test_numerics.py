"""How a study's numerics follow from the request and the machine."""

import pytest

from adamcmp.components.executors.slurm import SlurmSettings
from adamcmp.config import Numerics
from adamcmp.errors import ConfigError
from adamcmp.planning.numerics import (
    default_numerics,
    missing_compiler_notice,
    replaced_engine_notice,
    resolve_numerics,
)
from adamcmp.planning.run_kinds import run_kinds_by_key
from adamcmp.planning.specs import run_specs
from adamcmp.platform import provenance
from tests.conftest import CPU

OPEN = Numerics()


@pytest.fixture
def machine(monkeypatch):
    """Set what the machine has."""

    def has(gpu=False, compiler=True, triton=True):
        monkeypatch.setattr(provenance, "gpu_name", lambda: "NVIDIA of paper" if gpu else None)
        monkeypatch.setattr(provenance, "cpp_compiler", lambda: "g++" if compiler else None)
        monkeypatch.setattr(provenance, "find_spec", lambda name: triton or None)

    return has


def run_kinds_of(composer, steps, *overrides):
    config = composer.sweep(["model=mlp", "seed=range(10)", f"steps={steps}", *overrides])
    return run_kinds_by_key(config.runs).values()


@pytest.mark.parametrize(
    ("parts", "steps", "engine"),
    [
        ({}, 2_500, "compiled"),
        ({}, 2_499, "traced"),
        ({"compiler": False}, 2_500, "traced"),
        ({"triton": False}, 2_500, "compiled"),
        ({"gpu": True}, 2_500, "eager"),
        ({"gpu": True}, 1_000_000, "compiled"),
        ({"gpu": True, "triton": False}, 1_000_000, "eager"),
    ],
)
def test_the_engine_follows_from_the_work_and_the_machine(composer, machine, parts, steps, engine):
    machine(**parts)
    run_kinds = run_kinds_of(composer, steps)
    used = default_numerics(OPEN, run_kinds)
    device = "cuda" if parts.get("gpu") else "cpu"
    assert (used.device, used.engine) == (device, engine)
    enough_work = steps >= (1_000_000 if device == "cuda" else 2_500)
    notice = missing_compiler_notice(OPEN, used, run_kinds)
    assert (notice is not None) == (enough_work and engine != "compiled")
    assert ("Triton" in (notice or "")) == (notice is not None and device == "cuda")
    # A requested engine is never overruled.
    assert (
        default_numerics(Numerics(engine="compiled", device="cpu"), run_kinds).engine == "compiled"
    )


def test_a_study_that_cannot_be_compiled_is_eager(composer, machine):
    machine(gpu=True)
    run_kinds = run_kinds_of(composer, 1_000_000, "model=cnn1d")
    assert default_numerics(OPEN, run_kinds).engine == "eager"


@pytest.mark.parametrize(
    ("overrides", "engine"), [(["model=cnn1d"], "traced"), (["optimizer=soap"], "eager")]
)
def test_a_study_of_runs_one_at_a_time_is_traced_if_possible(composer, machine, overrides, engine):
    machine()
    run_kinds = run_kinds_of(composer, 1_000_000, *overrides)
    assert default_numerics(OPEN, run_kinds).engine == engine


def test_the_traced_engine_needs_a_processor(composer, machine):
    machine(gpu=True)
    with pytest.raises(ConfigError, match="engine=traced needs device=cpu"):
        resolve_numerics(Numerics(engine="traced"), None, run_kinds_of(composer, 10), "s")


def test_an_existing_study_keeps_its_numerics(composer):
    run_kinds = run_kinds_of(composer, 1_000_000)
    assert resolve_numerics(OPEN, CPU, run_kinds, "s") == CPU
    assert resolve_numerics(Numerics(engine="eager"), CPU, run_kinds, "s") == CPU
    with pytest.raises(
        ConfigError, match="engine=compiled: study 's' was created with engine=eager"
    ):
        resolve_numerics(Numerics(engine="compiled"), CPU, run_kinds, "s")


def test_a_gpu_that_does_not_exist_is_refused(composer, machine):
    machine(gpu=False)
    with pytest.raises(ConfigError, match="torch finds no CUDA GPU"):
        resolve_numerics(Numerics(device="cuda"), None, run_kinds_of(composer, 10), "s")


@pytest.mark.parametrize("here", [True, False])
def test_the_jobs_of_a_cluster_decide_whether_there_is_a_gpu(composer, machine, here):
    machine(gpu=here)
    run_kinds = run_kinds_of(composer, 10)
    with_gpu, without = (SlurmSettings(name="slurm", gpus_per_node=count) for count in (1, 0))
    assert resolve_numerics(OPEN, None, run_kinds, "s", with_gpu).device == "cuda"
    assert resolve_numerics(OPEN, None, run_kinds, "s", without).device == "cpu"
    with pytest.raises(ConfigError, match=r"jobs have no GPU. Add executor.gpus_per_node=1"):
        resolve_numerics(Numerics(device="cuda"), None, run_kinds, "s", without)


@pytest.mark.parametrize(
    ("requested", "notice"),
    [
        ({"engine": "compiled"}, "engine=compiled cannot train 1 of 2 runs"),
        ({"engine": "traced"}, None),
        ({}, None),
    ],
)
def test_a_requested_engine_that_is_replaced_is_named(composer, requested, notice):
    numerics = CPU.model_copy(update={"engine": "traced", **requested})
    specs = run_specs(composer.sweep(["model=mlp,cnn1d"]), numerics)
    text = replaced_engine_notice(Numerics(**requested), specs)
    assert text is None if notice is None else text.startswith(notice)
