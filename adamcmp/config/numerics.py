"""How a study's numbers are computed."""

from __future__ import annotations

from typing import Any, Literal

from adamcmp.components.registry import Component
from adamcmp.config.protocol import PositiveInt

#: Raised by 1 when a fix changes the numbers of an engine; see `Component.revision`.
ENGINE_REVISIONS = {"eager": 0, "compiled": 0}


class Numerics(Component):
    """How numbers are computed: fixed once for a study, since it decides their last bits.

    In an existing study, settings left at ``auto`` or None follow the study.

    Attributes:
        device: ``cpu`` or ``cuda``. ``auto`` takes a GPU if there is one.
        dtype: Type of weights and products: ``float32`` (the meaning of ``auto``), ``float64``, or
            ``bf16``, which computes products in bfloat16 (autocast) with float32 weights.
        threads: Threads per worker. Only with 1 (the meaning of None) does a run give the same
            bits in every group.
        engine: How a step is executed: ``eager`` runs torch's kernels one after the other,
            ``compiled`` compiles the step of fused lanes (models of matrix products). ``auto``
            compiles when the study's first sweep is long enough to pay for it and a C++ compiler
            is installed (on a GPU also Triton and torch 2.10 or newer).
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "float32", "float64", "bf16"] = "auto"
    threads: PositiveInt | None = None
    engine: Literal["auto", "eager", "compiled"] = "auto"

    @property
    def engine_revision(self) -> int:
        """The revision of the engine; 0 while the engine is still ``auto``."""
        return ENGINE_REVISIONS.get(self.engine, 0)

    def identity(self) -> dict[str, Any]:
        """See `Component.identity`."""
        values = super().identity()
        if self.engine_revision:
            values["engine_revision"] = self.engine_revision
        return values
