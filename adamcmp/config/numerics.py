"""The numerics of a study: device, dtype, threads and engine."""

from __future__ import annotations

from typing import Any, Literal

from adamcmp.components.engines import ENGINE_REVISIONS
from adamcmp.components.registry import Component
from adamcmp.config.protocol import PositiveInt


class Numerics(Component):
    """The settings that determine rounding; all runs of a study share them.

    In an existing study, ``auto`` and None select the values of the study.

    Attributes:
        device: ``cpu`` or ``cuda``. ``auto`` selects a GPU if one is available.
        dtype: Type of weights and products: ``float32`` (the meaning of ``auto``), ``float64``, or
            ``bf16``, which computes products in bfloat16 (autocast) with float32 weights.
        threads: Threads per worker. Results are bit-identical in every group only with 1 (the
            meaning of None).
        engine: How a step is executed. ``eager`` runs the model's code in every step. ``traced``
            and ``compiled`` trace a step once to a graph of operations. ``traced`` executes these
            one after the other, on a CPU; ``compiled`` compiles the graph, for models of matrix
            products. ``auto`` compiles if the study's first sweep is long enough and a C++
            compiler is installed (on a GPU also Triton); otherwise it selects ``traced`` on a CPU
            and ``eager`` on a GPU.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "float32", "float64", "bf16"] = "auto"
    threads: PositiveInt | None = None
    engine: Literal["auto", "eager", "traced", "compiled"] = "auto"

    @property
    def engine_revision(self) -> int:
        """The revision of the engine; 0 if the engine is ``auto``."""
        return ENGINE_REVISIONS.get(self.engine, 0)

    def identity(self) -> dict[str, Any]:
        """See `Component.identity`."""
        values = super().identity()
        if self.engine_revision:
            values["engine_revision"] = self.engine_revision
        return values
