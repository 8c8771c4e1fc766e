"""What computed a number: versions, git commit, hardware."""

from __future__ import annotations

import os
import platform
import re
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
    """Return an installed package's version, without importing it."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


@cache
def software() -> dict[str, Any]:
    """Return versions, and the commit of the working directory where it is a git checkout.

    It is the user's repository, with the configs and models of their own; adamcmp's own code is
    known by its version. Untracked files, such as results, do not make it dirty.
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
    """Return the C++ compiler that torch's inductor would use, or None where there is none."""
    asked = os.environ.get("CXX")
    return next((c for c in (asked, "g++", "clang++") if c and shutil.which(c)), None)


_COMPILER = "a C++ compiler on the PATH (g++, clang++ or $CXX)"
#: What ``engine=compiled`` needs, by device.
COMPILE_REQUIREMENTS = {"cpu": _COMPILER, "cuda": f"torch 2.10 or newer, Triton, and {_COMPILER}"}


def can_compile(device: str) -> bool:
    """Return whether there is what ``engine=compiled`` needs; nothing is imported for it."""
    if device == "cuda":
        version = re.match(r"(\d+)\.(\d+)", package_version("torch"))
        if version is None or tuple(map(int, version.groups())) < (2, 10):
            return False
        if find_spec("triton") is None:
            return False
    return cpp_compiler() is not None


def cuda_available() -> bool:
    """Return whether torch finds a CUDA GPU."""
    return gpu_name() is not None


def hardware(device: str) -> str:
    """Return the name of what computes: the GPU's for ``cuda``, else the processor's.

    Raises:
        RuntimeError: When there is no GPU.
    """
    if device != "cuda":
        return cpu_name()
    name = gpu_name()
    if name is None:
        raise RuntimeError("torch finds no CUDA GPU here")
    return name


def available_cores() -> int:
    """Return how many of the processor's cores this process may use."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def cpu_name() -> str:
    """Return the processor's model name."""
    listed = Path("/proc/cpuinfo")  # Linux alone has it
    for line in listed.read_text(encoding="utf-8").splitlines() if listed.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@cache
def cpu_features() -> str:
    """Return what the processor can do, such as ``avx512f``; its name alone does not tell."""
    listed = Path("/proc/cpuinfo")
    for line in listed.read_text(encoding="utf-8").splitlines() if listed.exists() else ():
        if line.startswith(("flags", "Features")):
            return line.partition(":")[2].strip()
    return ""


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *words], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
