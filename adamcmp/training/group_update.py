"""The update of the parameters of one parameter group of a torch optimizer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from adamcmp.components.optimizers import ParameterGroup, Rule
from adamcmp.components.transformations import GradientTransformation
from adamcmp.training.parameter_blocks import PARAM, Block, ParamState, create_blocks
from adamcmp.training.step.batching import Tree


class GroupUpdate:
    """Updates the parameters of a group of torch that have a gradient.

    A rule may treat matrices and other parameters differently; these are its parts.

    Args:
        rule: The rule with its coupling.
        params: The parameters.
        states: The states of the optimizer's parameters, to which missing ones are added.
    """

    def __init__(
        self, rule: Rule, params: Sequence[Tensor], states: dict[Tensor, ParamState]
    ) -> None:
        self._rule, self._params = rule, params
        self._parts = []
        for group, members in _parameter_groups(rule, params):
            part = _Part(rule, group)
            for param in members:
                if not states.get(param):
                    states[param] = part.initial_state(param)
            member_states = [states[param] for param in members]
            concatenates = rule.concatenates_at_equal_steps
            part.blocks += create_blocks(members, member_states, concatenates)
            self._parts.append(part)
        self._addresses = [param.data_ptr() for param in params]
        self._states = [states[param] for param in params]
        self._settings: dict[str, Any] = {}
        self._numbers: dict[str, float] = {}

    def is_of(self, params: Sequence[Tensor], states: Mapping[Tensor, ParamState]) -> bool:
        """Return whether this is the update of these parameters and their states.

        Moving parameters, or loading their states, creates other tensors.
        """
        return len(params) == len(self._params) and all(
            param is present and param.data_ptr() == address and states[param] is state
            for param, present, address, state in zip(
                params, self._params, self._addresses, self._states, strict=True
            )
        )

    def update(self, group: Mapping[str, Any], names: Sequence[str]) -> None:
        """Update the parameters from their gradients.

        Args:
            group: The parameter group.
            names: The names of its settings that override those of the rule.
        """
        base_lr = group["base_lr"]
        settings = {name: group[name] for name in names} | {"lr": base_lr}
        if settings != self._settings:
            self._numbers = self._rule.model_copy(update=settings).hypers()
            self._settings = settings
        numbers = {**self._numbers, "multiplier": float(group["lr"]) / base_lr}
        for part in self._parts:
            part.update(numbers)


def chains(
    rule: Rule, params: Sequence[Tensor]
) -> Iterator[tuple[GradientTransformation, list[Tensor]]]:
    """Yield the chains of a rule, with the parameters that each of them updates."""
    for group, members in _parameter_groups(rule, params):
        yield rule.group_chain(group), members


def _parameter_groups(
    rule: Rule, params: Sequence[Tensor]
) -> Iterator[tuple[ParameterGroup, list[Tensor]]]:
    """Yield the parameter groups of a rule, whose roles follow from the dimensions."""
    by_name = {str(number): param for number, param in enumerate(params)}
    roles = {name: "biases_norms" if p.ndim < 2 else "matrices" for name, p in by_name.items()}
    for group in rule.parameter_groups(roles):
        yield group, [by_name[name] for name in group.names]


@dataclass
class _Part:
    """Parameters that a rule treats alike.

    Attributes:
        rule: The rule.
        group: Their parameter group.
        blocks: The blocks of the parameters.
    """

    rule: Rule
    group: ParameterGroup
    blocks: list[Block] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chain = self.rule.group_chain(self.group)
        self._chain_without_decay = self.rule.group_chain(self.group, decays=False)
        self._numbers: dict[str, float] = {}
        # 0-dimensional float64 tensors.
        self._hypers: dict[torch.device, Tree] = {}

    def initial_state(self, param: Tensor) -> ParamState:
        """Return the state of a parameter before the first step."""
        step = torch.zeros((), dtype=torch.float64, device=param.device)
        return {"step": step, "transformations": self._chain.init({PARAM: param.detach()})}

    def update(self, numbers: Mapping[str, float]) -> None:
        """Update the parameters from their gradients.

        Args:
            numbers: The values of the rule's hyperparameters.
        """
        values = self.rule.group_hypers(self.group, cast(Any, numbers))
        self._set_hypers(cast(dict[str, float], values))
        chain = self._chain if values["weight_decay"] else self._chain_without_decay
        for block in self.blocks:
            block.update(chain, self._hypers_on(block.device))

    def _set_hypers(self, numbers: dict[str, float]) -> None:
        for hypers in self._hypers.values():
            for name, number in numbers.items():
                if number != self._numbers[name]:
                    hypers[name].fill_(number)
        self._numbers = numbers

    def _hypers_on(self, device: torch.device) -> Tree:
        if device not in self._hypers:
            self._hypers[device] = {
                name: torch.tensor(float(number), dtype=torch.float64, device=device)
                for name, number in self._numbers.items()
            }
        return self._hypers[device]
