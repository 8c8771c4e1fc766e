"""Any of our rule × coupling as a torch.optim.Optimizer, for the user's own training loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from adamcmp.components.optimizers import Rule
from adamcmp.config import build_component, component_defaults
from adamcmp.errors import ConfigError, nearest


class ChainOptimizer(torch.optim.Optimizer):
    """A variant's chain of transformations behind torch's interface.

    Groups hold torch's names (``lr``, ``weight_decay``, ``betas`` …), so torch's schedulers work,
    also those that move momentum: s_t is a group's present ``lr`` over the one that it was given
    at first.

    Args:
        params: Parameters or parameter groups.
        variant: The validated variant; groups may override its numbers.
    """

    def __init__(self, params: ParamsT, variant: Rule) -> None:
        self._variant = variant
        self._chain = variant.chain()
        self._names = ("lr", "weight_decay", *sorted(variant.number_fields))
        super().__init__(params, {name: getattr(variant, name) for name in self._names})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters, as torch.optim.Optimizer does.

        Raises:
            ConfigError: For a setting that the variant lacks, or that groups cannot differ in.
        """
        if "wd" in param_group:
            param_group["weight_decay"] = param_group.pop("wd")
        for name in param_group:
            if name not in (*self._names, "params", "initial_lr", "base_lr"):
                raise ConfigError(
                    f"a parameter group has no setting {name!r}.{nearest(name, self._names)} "
                    f"It has: {', '.join(self._names)}."
                )
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        if not group["lr"] > 0:
            raise ConfigError(f"lr={group['lr']}: should be greater than 0; schedules scale it.")
        # Not torch's initial_lr: its one-cycle schedule sets that to another number.
        group.setdefault("base_lr", float(group["lr"]))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step.

        Args:
            closure: Evaluates the model again and returns the loss, as in torch.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            hypers = self._hypers(group)
            for param in group["params"]:
                if param.grad is not None:
                    here = {k: v.to(param.device) for k, v in hypers.items()}
                    self._move(param, param.grad, here)
        return loss

    def _hypers(self, group: dict[str, Any]) -> dict[str, Tensor]:
        base = group["base_lr"]
        settings = {name: group[name] for name in self._names} | {"lr": base}
        hypers = self._variant.model_copy(update=settings).hypers()
        numbers = {**hypers, "multiplier": float(group["lr"]) / base}
        return {k: torch.tensor(float(v), dtype=torch.float64) for k, v in numbers.items()}

    def _move(self, param: Tensor, grad: Tensor, hypers: dict[str, Tensor]) -> None:
        state, own = self.state[param], {"it": param.detach()}
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float64, device=param.device)
            state["transformations"] = self._chain.init(own)
        state["step"] = state["step"] + 1
        updates, state["transformations"] = self._chain.update(
            {"it": grad},
            state["transformations"],
            own,
            hypers,
            state["step"],
        )
        param.add_(updates["it"])


def torch_optimizer(name: str, params: ParamsT, **hypers: Any) -> torch.optim.Optimizer:
    """Return a variant as a torch optimizer: what wins here can be taken home.

    Args:
        name: A variant of ``adamcmp parts optimizer``, such as ``"adamw"``.
        params: Parameters or parameter groups, as torch.optim takes them.
        hypers: Its settings, such as ``lr=1e-3, weight_decay=0.1, coupling="independent"``;
            what is not given keeps the default of ``configs/optimizer/<name>.yaml``.

    Raises:
        ConfigError: For a name or setting that does not exist, or a value out of range.
    """
    short = {"wd": "weight_decay"}
    given = {short.get(key, key): value for key, value in hypers.items()}
    variant = build_component("optimizer", {**component_defaults("optimizer", name), **given})
    if not isinstance(variant, Rule):
        raise ConfigError("optimizer=torch is a torch.optim class already: use it directly.")
    if variant.normalized:
        raise ConfigError(
            "normalized=true needs the length of training, which a torch optimizer does not know: "
            "give weight_decay = wd_norm·√(batch size / (training examples · epochs))."
        )
    return ChainOptimizer(params, variant)
