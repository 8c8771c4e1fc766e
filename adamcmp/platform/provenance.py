"""Provenance of results: versions, git commit, hardware."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from adamcmp.platform.gpu import gpu_name


def package_version(name: str) -> str:
    """Return the version of an installed package without importing it, or ``"unknown"``."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


@cache
def software() -> dict[str, Any]:
    """Return the versions of packages, and the git commit of the working directory.

    The working directory is usually the user's repository, with configs and models; adamcmp itself
    is identified by its version. Untracked files, such as results, do not make it dirty. The commit
    is None outside a repository.
    """
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return {
        "adamcmp_version": package_version("adamcmp"),
        "python_version": platform.python_version(),
        "torch_version": package_version("torch"),
        "numpy_version": package_version("numpy"),
        "git_commit": commit,
        "git_dirty": None if commit is None else bool(changes),
    }


def cpp_compiler() -> str | None:
    """Return the C++ compiler that torch's inductor would use, or None if there is none."""
    candidates = (os.environ.get("CXX"), "g++", "clang++")
    return next((c for c in candidates if c and shutil.which(c)), None)


_COMPILER = "a C++ compiler on the PATH (g++, clang++ or $CXX)"
#: What ``engine=compiled`` requires, by device.
COMPILE_REQUIREMENTS = {"cpu": _COMPILER, "cuda": f"Triton and {_COMPILER}"}


def compiler_available(device: str) -> bool:
    """Return whether the requirements of ``engine=compiled`` are met; imports nothing."""
    if device == "cuda" and find_spec("triton") is None:
        return False
    return cpp_compiler() is not None


def cuda_available() -> bool:
    """Return whether torch finds a CUDA GPU."""
    return gpu_name() is not None


def hardware(device: str) -> str:
    """Return the name of the device that computes: the GPU for ``cuda``, else the processor.

    Raises:
        RuntimeError: If torch finds no GPU.
    """
    if device != "cuda":
        return cpu_name()
    name = gpu_name()
    if name is None:
        raise RuntimeError("torch finds no CUDA GPU on this machine")
    return name


def available_cores() -> int:
    """Return the number of processor cores that this process may use."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def cpu_name() -> str:
    """Return the processor's model name."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


@cache
def cpu_features() -> str:
    """Return the processor's instruction sets, such as ``avx512f``.

    Virtual machines with the same processor name may have different instruction sets.
    """
    return _cpuinfo("flags", "Features")


def _cpuinfo(*keys: str) -> str:
    """Return the first value of some keys in Linux's ``/proc/cpuinfo``; empty if there is none."""
    file = Path("/proc/cpuinfo")
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        if line.startswith(keys):
            return line.partition(":")[2].strip()
    return ""


def _git(*arguments: str) -> str | None:
    """Return the output of a git command, or None if it fails or there is no git."""
    try:
        process = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return process.stdout.strip() if process.returncode == 0 else None
