"""CUDA graphs: record a step once and replay it by one call instead of hundreds of launches.

The kernels are the same, so a replayed step gives bit-identical results.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from adamcmp.training.engines.torch_internals import Executable

Outputs = Sequence[Tensor]
#: Records a function once and returns a function that replays it on the same memory.
Recorder = Callable[[Callable[[], Outputs]], Callable[[], Outputs]]


def cuda_recorder(function: Callable[[], Outputs]) -> Callable[[], Outputs]:
    """Record a function's kernels with `torch.cuda.CUDAGraph`, without executing them."""
    graph = torch.cuda.CUDAGraph()
    # The recording is aborted if the garbage collector frees an older graph meanwhile.
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        with torch.cuda.graph(graph):
            outputs = function()
    finally:
        if collecting:
            gc.enable()

    def replay() -> Outputs:
        graph.replay()
        return outputs

    return replay


class Replayed:
    """An executable that is replayed from its second call with the same bound arguments.

    A recording reads and writes fixed addresses. The bound arguments (the state, which is changed
    in place, and the examples) must be the same tensors in every call. The other arguments are
    copied to the addresses that the recording reads. The first call is not recorded, because
    libraries initialize themselves in it. The outputs are valid until the next call, which
    overwrites them.

    Args:
        executable: The executable to record.
        bound: Number of leading arguments that are bound. If the first argument is a different
            tensor, because lanes were dropped, all recordings are discarded.
        record: Records the executable.
    """

    def __init__(
        self, executable: Executable, bound: int, record: Recorder = cuda_recorder
    ) -> None:
        self._executable, self._bound, self._record = executable, bound, record
        self._first: Tensor | None = None
        self._recordings: dict[tuple[int, ...], _Recording] = {}

    def __call__(self, tensors: Sequence[Tensor]) -> Outputs:
        """Return the outputs of the executable."""
        if tensors[0] is not self._first:
            self._first = tensors[0]
            self._recordings.clear()
        key = tuple(id(tensor) for tensor in tensors[: self._bound])
        if recording := self._recordings.get(key):
            return recording(tensors)
        self._recordings[key] = _Recording(self._executable, tensors, self._bound, self._record)
        return self._executable(tensors)


class _Recording:
    """A recording that keeps its arguments alive. It is recorded at the first replay."""

    def __init__(
        self, executable: Executable, tensors: Sequence[Tensor], bound: int, record: Recorder
    ) -> None:
        self._held = [*tensors[:bound], *(tensor.clone() for tensor in tensors[bound:])]
        self._copied = list(tensors)
        self._make: Callable[[], Callable[[], Outputs]] = lambda: record(
            lambda: executable(self._held)
        )
        self._replay: Callable[[], Outputs] | None = None

    def __call__(self, tensors: Sequence[Tensor]) -> Outputs:
        for position, tensor in enumerate(tensors):
            # Inputs are never changed in place, so the same tensor need not be copied again.
            if tensor is not self._copied[position]:
                self._held[position].copy_(tensor)
                self._copied[position] = tensor
        if self._replay is None:
            self._replay = self._make()
        return self._replay()
