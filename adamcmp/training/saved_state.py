"""Checks that a saved state of a torch optimizer is one of the same rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from adamcmp.components.optimizers import Rule
from adamcmp.errors import ConfigError
from adamcmp.training.group_update import chains
from adamcmp.training.parameter_blocks import PARAM


def check_saved_state(
    rule: Rule, names: Iterable[str], params: Sequence[Tensor], saved: Mapping[str, Any]
) -> None:
    """Check that a state was saved by an optimizer with the same rule and coupling.

    Args:
        rule: The rule of the optimizer that loads the state.
        names: The settings of its parameter groups.
        params: Its parameters, in the order of its groups.
        saved: What ``state_dict`` returned.

    Raises:
        ConfigError: If a group lacks a setting, or the state of a parameter has another structure.
    """
    problem = f"The state is not one of {rule.name} with coupling {rule.coupling}:"
    for group in saved["param_groups"]:
        if missing := [name for name in names if name not in group]:
            raise ConfigError(f"{problem} its parameter groups lack {', '.join(missing)}.")
    numbers = [number for group in saved["param_groups"] for number in group["params"]]
    # Another number of parameters is an error of torch.
    number_of = dict(zip(params, numbers, strict=False))
    for chain, members in chains(rule, params):
        for param in members:
            number = number_of.get(param)
            if not (state := saved["state"].get(number)):
                continue
            expected = dict(_shapes(chain.init({PARAM: param.detach()})))
            if dict(_shapes(state.get("transformations"))) != expected:
                raise ConfigError(
                    f"{problem} what it holds of parameter {number} has another structure."
                )


def _shapes(state: Any, path: str = "") -> Iterator[tuple[str, tuple[int, ...] | None]]:
    """Yield the place of each tensor of a state, and its shape."""
    if isinstance(state, Mapping):
        for key, value in state.items():
            yield from _shapes(value, f"{path}.{key}")
    elif isinstance(state, tuple | list):
        for number, value in enumerate(state):
            yield from _shapes(value, f"{path}.{number}")
        yield path, (len(state),)
    else:
        yield path, tuple(state.shape) if isinstance(state, Tensor) else None
