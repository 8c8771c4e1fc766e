"""Rules and couplings as torch.optim.Optimizer, for users' training loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from adamcmp.components.names import HYPERPARAMETER_FIELDS
from adamcmp.components.optimizers import Rule
from adamcmp.config import build_component, component_defaults
from adamcmp.errors import ConfigError, nearest


class ChainOptimizer(torch.optim.Optimizer):
    """A rule's chain of gradient transformations as a torch.optim.Optimizer.

    Parameter groups have torch's keys (``lr``, ``weight_decay``, ``betas``, ...), so torch's
    learning rate schedulers work, including those that change momentum. The schedule's multiplier
    s_t is a group's current ``lr`` divided by its initial ``lr``.

    Args:
        params: Parameters or parameter groups, as torch.optim takes them.
        rule: The rule with its coupling; groups may override its numbers.
    """

    def __init__(self, params: ParamsT, rule: Rule) -> None:
        self._rule = rule
        self._names = ("lr", "weight_decay", *sorted(rule.number_fields))
        super().__init__(params, {name: getattr(rule, name) for name in self._names})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters, as torch.optim.Optimizer does.

        Raises:
            ConfigError: If the rule lacks a setting, groups cannot override it, or ``lr`` is not
                positive.
        """
        for name in HYPERPARAMETER_FIELDS.keys() & param_group:
            param_group[HYPERPARAMETER_FIELDS[name]] = param_group.pop(name)
        for name in param_group:
            if name not in (*self._names, "params", "initial_lr", "base_lr"):
                raise ConfigError(
                    f"A parameter group has no setting {name!r}.{nearest(name, self._names)} "
                    f"Its settings are {', '.join(self._names)}."
                )
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        if not group["lr"] > 0:
            raise ConfigError(f"lr={group['lr']}: should be greater than 0; schedules multiply it.")
        # Not `initial_lr`, which torch's OneCycleLR overwrites.
        group.setdefault("base_lr", float(group["lr"]))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters from their gradients.

        Args:
            closure: Evaluates the loss and its gradients and returns the loss, as in torch.

        Returns:
            The loss that `closure` returned; None without closure.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            hypers = self._hypers(group)
            for param in group["params"]:
                if param.grad is not None:
                    self._update(param, param.grad, hypers)
        return loss

    def _hypers(self, group: dict[str, Any]) -> dict[str, Tensor]:
        """Return a group's hyperparameters as 0-dimensional float64 tensors."""
        base_lr = group["base_lr"]
        settings = {name: group[name] for name in self._names} | {"lr": base_lr}
        hypers = self._rule.model_copy(update=settings).hypers()
        numbers = {**hypers, "multiplier": float(group["lr"]) / base_lr}
        return {k: torch.tensor(float(v), dtype=torch.float64) for k, v in numbers.items()}

    def _update(self, param: Tensor, grad: Tensor, hypers: dict[str, Tensor]) -> None:
        """Update one parameter by passing it to the chain as a model with one parameter."""
        hypers = {name: value.to(param.device) for name, value in hypers.items()}
        state, params = self.state[param], {"param": param.detach()}
        role = "biases_norms" if param.ndim < 2 else "matrices"
        (group,) = self._rule.parameter_groups({"param": role})
        chain = self._rule.group_chain(group)
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float64, device=param.device)
            state["transformations"] = chain.init(params)
        state["step"] = state["step"] + 1
        updates, state["transformations"] = chain.update(
            {"param": grad},
            state["transformations"],
            params,
            self._rule.group_hypers(group, hypers),
            state["step"],
        )
        param.add_(updates["param"])


def torch_optimizer(name: str, params: ParamsT, **hypers: Any) -> torch.optim.Optimizer:
    """Create an optimizer of this package as a torch.optim.Optimizer.

    Args:
        name: Name of the optimizer, such as ``"adamw"``; ``adamcmp components optimizer`` lists
            all names.
        params: Parameters or parameter groups, as torch.optim takes them.
        hypers: Its settings, such as ``lr=1e-3, wd=0.1, coupling="independent"``. All other
            settings have the defaults of ``configs/optimizer/<name>.yaml``.

    Raises:
        ConfigError: If a name or setting is unknown, or a value is out of range.

    Examples:
        One step of SGD on (w − 3)²/2 from w = 0, with weight decay outside the gradient:

        >>> import torch
        >>> from adamcmp import torch_optimizer
        >>> w = torch.nn.Parameter(torch.zeros(1))
        >>> optimizer = torch_optimizer("sgd", [w], lr=0.1, wd=0.01, coupling="decoupled")
        >>> loss = 0.5 * (w - 3).square().sum()
        >>> loss.backward()
        >>> optimizer.step()
        >>> w.item()  # doctest: +ELLIPSIS
        0.3...
    """
    settings = {HYPERPARAMETER_FIELDS.get(key, key): value for key, value in hypers.items()}
    rule = build_component("optimizer", {**component_defaults("optimizer", name), **settings})
    if not isinstance(rule, Rule):
        raise ConfigError("optimizer=torch is a torch.optim class already: use it directly.")
    if rule.groups:
        raise ConfigError(
            "groups: a torch optimizer takes parameter groups as its first argument, as in "
            "[{'params': ..., 'weight_decay': 0}]."
        )
    if rule.sam_rho:
        raise ConfigError("sam_rho: SAM is available in runs of adamcmp only.")
    if rule.normalized:
        raise ConfigError(
            "normalized=true needs the length of training, which a torch optimizer does not know. "
            "Instead, give weight_decay = wd_norm·√(batch size / (training examples · epochs))."
        )
    return ChainOptimizer(params, rule)
