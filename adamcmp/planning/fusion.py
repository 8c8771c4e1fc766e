"""Whether lanes of a run are trained as one batched computation: the only definition of it."""

from __future__ import annotations

from adamcmp.config import RunConfig


def unfused_reason(config: RunConfig, device: str, engine: str) -> str | None:
    """Return why lanes of a run are trained one at a time; None if they are fused.

    Args:
        config: The run.
        device: ``cpu`` or ``cuda``.
        engine: ``eager`` or ``compiled``.
    """
    if not config.optimizer.fuses:
        return "a torch.optim class holds the settings of one run"
    if device not in config.model.fuses:
        return f"model={config.model.name} is faster one lane at a time"
    if engine == "eager" and device == "cpu":
        return "this study is eager, and on a CPU only compiled lanes are fused"
    return None


def can_compile(config: RunConfig) -> bool:
    """Return whether a run's step can be compiled.

    That takes a model of matrix products, which fuses on every device.
    """
    return unfused_reason(config, "cpu", "compiled") is None
