"""Rules and couplings as torch.optim.Optimizer, for users' training loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from adamcmp.components.names import HYPERPARAMETER_FIELDS
from adamcmp.components.optimizers import Rule
from adamcmp.components.transformations import trained_params
from adamcmp.components.trusted_code import ANY_CODE, trusting
from adamcmp.components.user_rule import is_users_rule
from adamcmp.components.wrappers import sam_ascent
from adamcmp.config import build_component, component_defaults
from adamcmp.errors import ConfigError, nearest
from adamcmp.training.group_update import GroupUpdate, chains
from adamcmp.training.parameter_blocks import PARAM
from adamcmp.training.saved_state import check_saved_state

#: The key of a parameter's state that holds the trained weights in the mode for evaluation.
_TRAINED = "trained"


class ChainOptimizer(torch.optim.Optimizer):
    """A rule's chain of gradient transformations as a torch.optim.Optimizer.

    Parameter groups have torch's keys (``lr``, ``weight_decay``, ``betas``, ...), so torch's
    learning rate schedulers work, including those that change momentum. The schedule's multiplier
    s_t is a group's current ``lr`` divided by its initial ``lr``.

    If the rule averages its iterates, as Lookahead and schedule-free methods do, `eval` sets the
    parameters to the average, and `train` to the weights that are trained.

    Args:
        params: Parameters or parameter groups, as torch.optim takes them.
        rule: The rule with its coupling; groups may override its numbers.
    """

    def __init__(self, params: ParamsT, rule: Rule) -> None:
        self._set_rule(rule)
        super().__init__(params, {name: getattr(rule, name) for name in self._names})

    def _set_rule(self, rule: Rule) -> None:
        self._rule = rule
        self._names = ("lr", "weight_decay", *sorted(rule.number_fields))
        # By the number of the group.
        self._group_updates: dict[int, GroupUpdate] = {}

    def __repr__(self) -> str:
        rule = f"{self._rule.name}, coupling={self._rule.coupling}"
        return super().__repr__().replace("ChainOptimizer", f"ChainOptimizer[{rule}]", 1)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_rule": self._rule}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "_rule" in state:  # from a pickle, not from `load_state_dict`
            self._set_rule(state["_rule"])
        super().__setstate__(state)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters, as torch.optim.Optimizer does.

        Raises:
            ConfigError: If the rule lacks a setting, groups cannot override it, or ``lr`` is not
                positive.
        """
        for name in HYPERPARAMETER_FIELDS.keys() & param_group:
            param_group[HYPERPARAMETER_FIELDS[name]] = param_group.pop(name)
        for name in param_group:
            if name not in (*self._names, "params", "param_names", "initial_lr", "base_lr"):
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
                Sharpness-aware minimization (``sam_rho``) needs it, and calls it twice.

        Returns:
            The loss that `closure` returned; None without closure.

        Raises:
            ConfigError: If the closure is needed, the optimizer is in the mode for evaluation, or a
                gradient is sparse.
        """
        if any(_TRAINED in state for state in self.state.values()):
            raise ConfigError("The optimizer is in the mode for evaluation: call train() first.")
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        if self._rule.sam_rho:
            self._evaluate_ascended(closure)
        for number, group in enumerate(self.param_groups):
            params = [param for param in group["params"] if param.grad is not None]
            self._group_update(number, params).update(group, self._names)
        return loss

    def _group_update(self, number: int, params: list[Tensor]) -> GroupUpdate:
        """Return the update of a group's parameters that have a gradient."""
        update = self._group_updates.get(number)
        if update is None or not update.is_of(params, self.state):
            update = self._group_updates[number] = GroupUpdate(self._rule, params, self.state)
        return update

    def _params(self) -> Iterator[Tensor]:
        return (param for group in self.param_groups for param in group["params"])

    def _evaluate_ascended(self, closure: Callable[[], Any] | None) -> None:
        """Evaluate the gradients after SAM's ascent step from the weights, which stay."""
        if closure is None:
            raise ConfigError(
                "sam_rho: SAM evaluates the gradients twice in a step, so that step needs a "
                "closure, which sets the gradients to zero, evaluates the loss, calls backward() "
                "and returns the loss."
            )
        params = {str(n): p for n, p in enumerate(self._params()) if p.grad is not None}
        grads = {name: p.grad for name, p in params.items() if p.grad is not None}
        weights = {name: p.clone() for name, p in params.items()}
        device = next(iter(params.values())).device
        hypers = {"sam_rho": torch.tensor(self._rule.sam_rho, dtype=torch.float64, device=device)}
        ascent = sam_ascent(grads, weights, hypers, adaptive=self._rule.sam_adaptive)
        for name, param in params.items():
            param.add_(ascent[name])
        with torch.enable_grad():
            closure()
        for name, param in params.items():
            param.copy_(weights[name])

    @torch.no_grad()
    def eval(self) -> None:
        """Set the parameters to the weights that the rule is evaluated at."""
        stepped = [p for p in self._params() if self.state.get(p) and _TRAINED not in self.state[p]]
        for chain, params in chains(self._rule, stepped):
            if chain.evaluation_params is trained_params:
                continue
            for param in params:
                state = self.state[param]
                evaluated = chain.evaluation_params({PARAM: param}, state["transformations"])
                state[_TRAINED] = param.clone()
                param.copy_(evaluated[PARAM])

    @torch.no_grad()
    def train(self) -> None:
        """Set the parameters to the weights that are trained."""
        for param in self._params():
            if _TRAINED in self.state.get(param, {}):
                param.copy_(self.state[param].pop(_TRAINED))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state that `state_dict` returned, as torch.optim.Optimizer does.

        Raises:
            ConfigError: If the state is one of another rule or coupling, or of another class.
            ValueError: If it has other groups, or other numbers of parameters.
        """
        names = (*self._names, "base_lr")
        check_saved_state(self._rule, names, [*self._params()], state_dict)
        super().load_state_dict(state_dict)
        numbers = (n for group in state_dict["param_groups"] for n in group["params"])
        for param, number in zip(self._params(), numbers, strict=True):
            if saved := state_dict["state"].get(number):
                self.state[param] = _with_dtypes(self.state[param], saved)


def _with_dtypes(state: Any, saved: Any) -> Any:
    """Return a loaded state with the types of numbers that it was saved with.

    torch converts all tensors to the type of the parameter, also float64 numbers.
    """
    if isinstance(state, Tensor):
        return saved.to(state.device) if state.ndim == 0 else state
    if isinstance(state, dict):
        return {key: _with_dtypes(state[key], saved[key]) for key in state}
    return tuple(_with_dtypes(*pair) for pair in zip(state, saved, strict=True))


def torch_optimizer(name: str, params: ParamsT, **hypers: Any) -> torch.optim.Optimizer:
    """Create an optimizer of this package as a torch.optim.Optimizer.

    Args:
        name: Name of the optimizer, such as ``"adamw"``; ``adamcmp components optimizer`` lists
            all names. Or the dotted path of a class derived from
            `adamcmp.components.optimizers.Rule`.
        params: Parameters or parameter groups, as torch.optim takes them.
        hypers: Its settings, such as ``lr=1e-3, wd=0.1, coupling="independent"``. All other
            settings have the defaults of ``configs/optimizer/<name>.yaml``.

    Raises:
        ConfigError: If a name or setting is unknown, or a value is out of range or no number.

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
    settings = _settings(hypers)
    if not isinstance(name, str):
        raise ConfigError(
            f"name={name}: should be a text, the name of an optimizer such as 'adamw' or the "
            f"dotted path of a class derived from adamcmp.components.optimizers.Rule."
        )
    is_users = is_users_rule(name)
    defaults = {"name": name, "rule": name} if is_users else component_defaults("optimizer", name)
    with trusting(ANY_CODE):  # the caller's program names the class
        rule = build_component("optimizer", {**defaults, **settings})
    if not isinstance(rule, Rule):
        raise ConfigError("optimizer=torch is a torch.optim class already: use it directly.")
    if rule.groups:
        raise ConfigError(
            "groups: a torch optimizer takes parameter groups as its first argument, as in "
            "[{'params': ..., 'weight_decay': 0}]."
        )
    if rule.normalized:
        raise ConfigError(
            "normalized=true needs the length of training, which a torch optimizer does not know. "
            "Instead, give weight_decay = wd_norm·√(batch size / (training examples · epochs))."
        )
    return ChainOptimizer(params, rule)


def _settings(hypers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings by the names of their fields, with numbers of tensors."""
    settings: dict[str, Any] = {}
    for key, value in hypers.items():
        name = HYPERPARAMETER_FIELDS.get(key, key)
        if name in settings:
            same = [k for k in hypers if HYPERPARAMETER_FIELDS.get(k, k) == name]
            raise ConfigError(f"{' and '.join(same)} are the same setting: give one of them.")
        if isinstance(value, Tensor):
            if value.numel() != 1:
                raise ConfigError(f"{key}: should be a number, not a tensor of {value.numel()}.")
            value = value.item()
        settings[name] = value
    return settings
