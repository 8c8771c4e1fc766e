"""Decide whether runs are fused, that is trained as lanes of one batched computation."""

from __future__ import annotations

from adamcmp.config import RunConfig


def unfused_reason(config: RunConfig, device: str, engine: str) -> str | None:
    """Return why runs with these settings are trained one at a time; None if they are fused.

    Args:
        config: The settings of the runs.
        device: ``cpu`` or ``cuda``.
        engine: ``eager``, ``traced`` or ``compiled``.
    """
    if not config.optimizer.fuses:
        if config.optimizer.rule == "torch":
            return "a torch.optim class holds the settings of one run"
        return f"rule={config.optimizer.rule} is trained one lane at a time"
    if device == "cpu" and not config.optimizer.traceable:
        return f"a step of rule={config.optimizer.rule} cannot be traced"
    if device not in config.model.fuses:
        return f"model={config.model.name} is faster one lane at a time"
    if engine == "eager" and device == "cpu":
        return "on a CPU, engine=eager trains one lane at a time"
    return None


def can_trace(config: RunConfig) -> bool:
    """Return whether a run's step can be traced, and therefore compiled.

    Only models that consist of matrix products are traced; they fuse on every device.
    """
    return unfused_reason(config, "cpu", "traced") is None
