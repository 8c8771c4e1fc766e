"""A rule that also records how much its weight decay changes its steps.

A weight's change by the decay is the difference between the step that the rule took and the step
that it would have taken without weight decay, for the same gradients so far.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from adamcmp.components.optimizers import ParameterGroup, Rule
from adamcmp.components.transformations import GradientTransformation, zero_buffers
from adamcmp.planning.specs import RunSpec

#: What is summed over the steps, for each weight: −change·θ, s_t·θ² with the schedule's multiplier
#: s_t, and g².
SUMS = ("change", "square", "gradient")


def recording(
    with_decay: GradientTransformation, without_decay: GradientTransformation
) -> GradientTransformation:
    """Return an optimizer whose state also holds `SUMS`.

    Args:
        with_decay: The optimizer.
        without_decay: The same without weight decay.
    """

    def init(params: dict[str, Any]) -> dict[str, Any]:
        states = {"with": with_decay.init(params), "without": without_decay.init(params)}
        return states | zero_buffers(*SUMS)(params)

    def update(
        grads: dict[str, Any], state: dict[str, Any], params: dict[str, Any], hypers: Any, step: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        taken, with_state = with_decay.update(grads, state["with"], params, hypers, step)
        other, without_state = without_decay.update(grads, state["without"], params, hypers, step)
        added = {
            "change": {n: (other[n] - taken[n]) * p for n, p in params.items()},
            "square": {n: hypers["multiplier"] * p.square() for n, p in params.items()},
            "gradient": {n: g.square() for n, g in grads.items()},
        }
        summed = {name: {n: state[name][n] + t for n, t in added[name].items()} for name in SUMS}
        return taken, {"with": with_state, "without": without_state, **summed}

    return GradientTransformation(init, update)


class RecordedRule(Rule):
    """A rule whose chains are `recording`.

    Attributes:
        recorded: The rule.
    """

    recorded: Rule

    @property
    def concatenates(self) -> bool:
        """See `Rule.concatenates`."""
        return self.recorded.concatenates

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return self.recorded.transformations()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return self.recorded.numbers()

    def structure(self) -> tuple[Any, ...]:
        """See `Optimizer.structure`."""
        return ("recorded", *self.recorded.structure())

    def remaining_rule(self) -> Rule | None:
        """See `Rule.remaining_rule`."""
        return self.recorded.remaining_rule()

    def group_chain(self, group: ParameterGroup, *, decays: bool = True) -> GradientTransformation:
        """See `Rule.group_chain`."""
        with_decay, without_decay = (
            self.recorded.group_chain(group, decays=each) for each in (decays, False)
        )
        return recording(with_decay, without_decay)


def recorded(spec: RunSpec, rule: Rule) -> RunSpec:
    """Return a run of the rule `rule`, which is recorded."""
    shared = {name: getattr(rule, name) for name in Rule.model_fields}
    optimizer = RecordedRule(**shared, recorded=rule)
    return RunSpec.of(replace(spec.config, optimizer=optimizer), spec.numerics)
