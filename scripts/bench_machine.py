"""The machine that a table was measured on, and the versions of what was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("torch", "numpy", "jax", "pytorch-lightning", "hydra-joblib-launcher", "joblib")

#: Manufacturers by the names that processors report.
VENDORS = {"GenuineIntel": "Intel", "AuthenticAMD": "AMD"}


def machine(table: str, processes: int) -> dict[str, str]:
    """Return the hardware and the versions that a table was measured with."""
    description = {
        "processor": _processor(),
        "manufacturer": _manufacturer(),
        "cores": str(processes),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "date": datetime.now(UTC).date().isoformat(),
        "Python": platform.python_version(),
    }
    if table == "gpu":
        import torch

        description["GPU"] = torch.cuda.get_device_name()
    versions = {name: _version(name) for name in PACKAGES}
    return description | {"adamcmp": f"commit {_commit()}"} | versions


def machine_name(machine: dict[str, str]) -> str:
    """Return the processor with its manufacturer, or the GPU, and the number of cores."""
    name = machine.get("GPU") or machine["processor"]
    manufacturer = machine.get("manufacturer", "")
    if manufacturer not in name and "GPU" not in machine:
        name = f"{name} ({manufacturer})"
    return f"{name}, {machine['cores']} cores"


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _manufacturer() -> str:
    vendor = _cpuinfo("vendor_id")
    return VENDORS.get(vendor, vendor or platform.processor())


def _cpuinfo(field: str) -> str:
    """Return a field of the first processor; empty where Linux does not list it."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    values = [line.partition(":")[2].strip() for line in lines if line.startswith(field)]
    return values[0] if values else ""


def _commit() -> str:
    """Return the abbreviated commit of this repository."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    folder = Path(__file__).parent
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
