"""Decide which runs are trained as lanes of one batched computation, and by which engines."""

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
        return f"rule={config.optimizer.rule} has no fused form"
    if device == "cpu" and not config.optimizer.traceable:
        return f"a step of rule={config.optimizer.rule} cannot be traced"
    if device not in config.model.fuses:
        return f"model={config.model.name} is faster one lane at a time"
    if engine == "eager" and device == "cpu":
        return "engine=eager fuses lanes only on a GPU"
    return None


def can_use_engine(config: RunConfig, engine: str) -> bool:
    """Return whether an engine can train runs with these settings."""
    return {"eager": True, "traced": can_trace(config), "compiled": can_compile(config)}[engine]


def can_trace(config: RunConfig) -> bool:
    """Return whether a run's step can be traced; those of users' models cannot."""
    return config.optimizer.fuses and config.optimizer.traceable and config.model.traceable


def can_compile(config: RunConfig) -> bool:
    """Return whether a run's step can be compiled.

    Only models of matrix products are compiled. Their lanes can be fused on every device.
    """
    return unfused_reason(config, "cpu", "compiled") is None
