"""The GPU that torch computes on, without importing torch, which takes seconds."""

from __future__ import annotations

import ctypes
import os
import runpy
from functools import cache
from importlib.util import find_spec
from pathlib import Path

#: Files that exist where NVIDIA's driver is loaded: on Linux, and in Linux on Windows.
_DRIVER_FILES = ("/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg")


@cache
def gpu_name() -> str | None:
    """Return what `torch.cuda.get_device_name` returns, or None if torch finds no CUDA GPU."""
    if os.name == "posix":
        if not any(Path(file).exists() for file in _DRIVER_FILES):
            return None
        try:
            return query_driver(ctypes.CDLL("libcuda.so.1"), torch_cuda_version())
        except OSError:  # the library is not on the loader's search path
            pass
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def query_driver(driver: ctypes.CDLL, cuda: int | None) -> str | None:
    """Return the name of the first visible GPU, or None if torch cannot compute on any.

    Args:
        driver: The CUDA driver's library, called as the CUDA Driver API documents.
        cuda: The major version of CUDA that torch was built for; None for a torch without CUDA.
    """
    version, count, device = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    name = ctypes.create_string_buffer(256)
    if cuda is None or driver.cuInit(0):  # the driver's functions return 0 for success
        return None
    if driver.cuDriverGetVersion(ctypes.byref(version)) or version.value // 1000 < cuda:
        return None
    if driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return None
    if driver.cuDeviceGet(ctypes.byref(device), 0):
        return None
    return None if driver.cuDeviceGetName(name, len(name), device) else name.value.decode()


def torch_cuda_version() -> int | None:
    """Return the major version of CUDA that torch was built for, or None if it has no CUDA."""
    torch = find_spec("torch")
    if torch is None or torch.origin is None:
        return None
    version = runpy.run_path(str(Path(torch.origin).with_name("version.py")))["cuda"]
    return int(version.split(".")[0]) if version else None
