"""The GPU that torch computes on, asked of its driver: importing torch takes seconds."""

from __future__ import annotations

import ctypes
import os
import runpy
from functools import cache
from importlib.util import find_spec
from pathlib import Path

#: What NVIDIA's driver shows on Linux, and in Linux on Windows.
_DRIVERS = ("/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg")


@cache
def gpu_name() -> str | None:
    """Return what `torch.cuda.get_device_name` does, or None where torch finds no CUDA GPU."""
    if os.name == "posix":
        if not any(Path(place).exists() for place in _DRIVERS):
            return None
        try:
            return query_driver(ctypes.CDLL("libcuda.so.1"), _cuda_of_torch())
        except OSError:  # it is not where libraries are looked for
            pass
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def query_driver(driver: ctypes.CDLL, cuda: int | None) -> str | None:
    """Return the name of the first GPU that is visible; None where there is none to compute on.

    Args:
        driver: The CUDA driver's library; source of its calls: the CUDA Driver API.
        cuda: The major version of CUDA that the driver must serve; None when torch has no CUDA.
    """
    version, count, device = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    name = ctypes.create_string_buffer(256)
    if cuda is None or driver.cuInit(0):  # calls return 0 where all is well
        return None
    if driver.cuDriverGetVersion(ctypes.byref(version)) or version.value // 1000 < cuda:
        return None
    if driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return None
    if driver.cuDeviceGet(ctypes.byref(device), 0):
        return None
    return None if driver.cuDeviceGetName(name, len(name), device) else name.value.decode()


def _cuda_of_torch() -> int | None:
    """Return the major version of CUDA that torch was built for."""
    torch = find_spec("torch")
    if torch is None or torch.origin is None:
        return None
    version = runpy.run_path(str(Path(torch.origin).with_name("version.py")))["cuda"]
    return int(version.split(".")[0]) if version else None
