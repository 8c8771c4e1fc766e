"""Resolve a study's numerics from the request and the machine.

The rule never uses a measured time, so the same overrides give the same numbers on a busy machine.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from adamcmp.components.executors import ClusterSettings
from adamcmp.config import Numerics
from adamcmp.errors import ConfigError
from adamcmp.planning.fusion import can_compile, can_trace
from adamcmp.planning.run_kinds import RunKind
from adamcmp.planning.specs import RunSpec
from adamcmp.platform.provenance import COMPILE_REQUIREMENTS, compiler_available, cuda_available

#: ``engine=auto`` compiles from this mean number of run-steps (runs x steps) per kind of run, by
#: device. On a CPU, compiling takes 12 s of two cores the first time (40 s for attention) and
#: then saves about half of the time of a traced step: 0.1 ms of an MLP's. Ten sweeps of this size
#: make up for one compilation, whose code is cached. On a GPU, compiling saves 2 to 7 µs per
#: run-step. The engine must not depend on whether the compiled step is cached.
COMPILED_FROM = {"cpu": 25_000, "cuda": 10_000_000}


def resolve_numerics(
    requested: Numerics,
    recorded: Numerics | None,
    run_kinds: Collection[RunKind],
    study: str,
    cluster: ClusterSettings | None = None,
) -> Numerics:
    """Return the numerics of a study, with every ``auto`` resolved.

    Args:
        requested: The numerics that the overrides request.
        recorded: The numerics that the study was created with; None for a new study.
        run_kinds: The kinds of runs in the request, which decide for a new study.
        study: The study's name, for the error.
        cluster: The cluster whose jobs train; None to train on this machine.

    Raises:
        ConfigError: If the request contradicts the study, or needs a GPU that does not exist.
    """
    numerics = recorded or default_numerics(requested, run_kinds, cluster)
    for name, value in requested.model_dump().items():
        if value not in (None, "auto") and value != getattr(numerics, name):
            raise ConfigError(
                f"{name}={value}: study {study!r} was created with "
                f"{name}={getattr(numerics, name)}, and all runs of a study share their numerics. "
                f"Use another study=NAME."
            )
    if numerics.device == "cuda" and numerics.engine == "traced":
        raise ConfigError(
            "engine=traced needs device=cpu. On a GPU, use engine=compiled, or engine=eager, whose "
            "steps are replayed as CUDA graphs."
        )
    if numerics.device == "cuda" and not _has_gpu(cluster):
        if cluster is not None:
            raise ConfigError(f"device=cuda: jobs have no GPU. Add {cluster.gpu_override}.")
        raise ConfigError("device=cuda: torch finds no CUDA GPU on this machine. Use device=cpu.")
    return numerics


def default_numerics(
    requested: Numerics, run_kinds: Collection[RunKind], cluster: ClusterSettings | None = None
) -> Numerics:
    """Return the numerics of a new study.

    Args:
        requested: The numerics that the overrides request.
        run_kinds: The kinds of runs.
        cluster: The cluster whose jobs train; None to train on this machine.
    """
    device = requested.device
    if device == "auto":
        device = "cuda" if _has_gpu(cluster) else "cpu"
    engine = requested.engine
    if engine == "auto":
        engine = _fastest_engine(run_kinds, device)
    dtype = "float32" if requested.dtype == "auto" else requested.dtype
    return Numerics(device=device, dtype=dtype, threads=requested.threads or 1, engine=engine)


def _has_gpu(cluster: ClusterSettings | None) -> bool:
    """Return whether the machines that train have a GPU."""
    return cuda_available() if cluster is None else cluster.gpus > 0


def _fastest_engine(
    run_kinds: Collection[RunKind], device: str
) -> Literal["eager", "traced", "compiled"]:
    """Return the engine with which a study of these runs is expected to take the least time."""
    if compiling_pays(run_kinds, device) and compiler_available(device):
        return "compiled"
    traceable = any(can_trace(kind.example) for kind in run_kinds)
    # On a GPU, eager steps are replayed as CUDA graphs.
    return "traced" if device == "cpu" and traceable else "eager"


def compiling_pays(run_kinds: Collection[RunKind], device: str) -> bool:
    """Return whether training takes enough steps for compiling to save time."""
    # Each kind of run has to be compiled separately, so the mean per kind decides.
    run_steps = [kind.steps * kind.runs for kind in run_kinds if can_compile(kind.example)]
    return bool(run_steps) and sum(run_steps) / len(run_steps) >= COMPILED_FROM[device]


def missing_compiler_notice(
    requested: Numerics, used: Numerics, run_kinds: Collection[RunKind]
) -> str | None:
    """Return a notice if a new study is not compiled only because no compiler is installed."""
    device = used.device
    would_compile = requested.engine == "auto" and compiling_pays(run_kinds, device)
    if not would_compile or compiler_available(device):
        return None
    return (
        f"Compiling needs {COMPILE_REQUIREMENTS[device]}. This study is trained with "
        f"engine={used.engine}, more slowly than compiled."
    )


def replaced_engine_notice(requested: Numerics, specs: Sequence[RunSpec]) -> str | None:
    """Return a notice if the requested engine cannot train some of the runs."""
    replaced = [spec for spec in specs if spec.numerics.engine != requested.engine]
    if requested.engine == "auto" or not replaced:
        return None
    return (
        f"engine={requested.engine} cannot train {len(replaced)} of {len(specs)} runs, which are "
        f"trained with engine=eager."
    )
