"""The global state of torch while a group is trained."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from adamcmp.platform.global_generators import restored_generators


@contextlib.contextmanager
def torch_state() -> Iterator[None]:
    """Set torch's global state so that all processes compute the same numbers; restore it on exit.

    Subnormal numbers are flushed to zero. Without that, the momentum of a parameter whose gradient
    has become zero (a dead unit, a decayed weight) falls below 1e-38 and stays there: 0.9 times the
    smallest subnormal rounds to itself. A CPU multiplies such numbers a hundred times slower, and
    Adam with L2 trained six times slower because of them. Threads inherit the setting from the
    thread that starts them.

    On a GPU, TF32 and cuDNN's nondeterministic algorithms are turned off. The state of the random
    generators is restored on exit.
    """
    subnormal = torch.tensor(1e-40, dtype=torch.float32)
    threads, flushed = torch.get_num_threads(), bool(subnormal * 1 == 0)
    precision, dtype = torch.get_float32_matmul_precision(), torch.get_default_dtype()
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("highest")
    torch.set_default_dtype(torch.float32)
    reproducible = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    devices = [torch.cuda.current_device()] if uses_gpu() else []
    try:
        with restored_generators(), torch.random.fork_rng(devices=devices), reproducible:
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
        torch.set_default_dtype(dtype)
        torch.set_flush_denormal(flushed)
        torch.set_num_threads(threads)


def uses_gpu() -> bool:
    """Return whether this process has used a GPU."""
    initialized: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return initialized
