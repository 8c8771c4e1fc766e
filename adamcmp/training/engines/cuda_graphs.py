"""CUDA graphs: a step is recorded once and replayed with one call, instead of hundreds of launches.

The kernels are the same ones, so a replayed step has the bits of a launched one.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from adamcmp.training.engines.compiled import Executable

Outputs = Sequence[Tensor]
#: Records a function once and returns what replays it, on the same memory.
Recorder = Callable[[Callable[[], Outputs]], Callable[[], Outputs]]


def cuda_recorder(function: Callable[[], Outputs]) -> Callable[[], Outputs]:
    """Record a function's kernels with `torch.cuda.CUDAGraph`; nothing is executed yet."""
    graph = torch.cuda.CUDAGraph()
    # An older graph that the garbage collector finds meanwhile would end the recording.
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
    """An executable that is replayed from its second call on the same lanes and examples.

    A recording reads and writes where its arguments lay. Those that stay (state, which is changed
    in place, and examples) must be the very same tensors; the others are copied to where it reads
    them. The first call is executed: libraries set themselves up then, which no recording may hold.
    What is returned is good until the next call, which writes over it.

    Args:
        way: What is executed.
        staying: How many of its arguments, the first ones, stay where they are; the first of them
            is replaced where lanes leave, and with it all recordings.
        record: How it is recorded.
    """

    def __init__(self, way: Executable, staying: int, record: Recorder = cuda_recorder) -> None:
        self._way, self._staying, self._record = way, staying, record
        self._lanes: Tensor | None = None
        self._recordings: dict[tuple[int, ...], _Recording] = {}

    def __call__(self, tensors: Sequence[Tensor]) -> Outputs:
        """Return what the executable returns."""
        if tensors[0] is not self._lanes:
            self._lanes = tensors[0]
            self._recordings.clear()
        key = tuple(id(tensor) for tensor in tensors[: self._staying])
        if recording := self._recordings.get(key):
            return recording(tensors)
        self._recordings[key] = _Recording(self._way, tensors, self._staying, self._record)
        return self._way(tensors)


class _Recording:
    """One recording, made when it is first replayed; it keeps its arguments alive."""

    def __init__(
        self, way: Executable, tensors: Sequence[Tensor], staying: int, record: Recorder
    ) -> None:
        self._held = [*tensors[:staying], *(tensor.clone() for tensor in tensors[staying:])]
        self._copied = list(tensors)
        self._make: Callable[[], Callable[[], Outputs]] = lambda: record(lambda: way(self._held))
        self._replay: Callable[[], Outputs] | None = None

    def __call__(self, tensors: Sequence[Tensor]) -> Outputs:
        for place, tensor in enumerate(tensors):
            if tensor is not self._copied[place]:
                self._held[place].copy_(tensor)
                self._copied[place] = tensor
        if self._replay is None:
            self._replay = self._make()
        return self._replay()
