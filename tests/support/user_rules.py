"""Update rules as users write them, for ``optimizer.rule``."""

import random
from typing import ClassVar

from adamcmp.components.optimizers import Rule
from adamcmp.components.transformations import (
    GradientTransformation,
    moving_average,
    scale_by_learning_rate,
    stateless,
    zeros_like,
)

#: The yaml file of `Lion`.
LION = """# Lion as a rule of a user
defaults: [_rule, _self_]
name: own_lion
rule: tests.support.user_rules.Lion
coupling: decoupled
lr: 0.001
weight_decay: 0.0
beta1: 0.9
beta2: 0.99
"""


def sign_of_momentum():
    def update(grads, momentum, params, hypers, step):
        interpolated = moving_average(momentum, grads, hypers["beta1"])
        signs = {name: u.sign() for name, u in interpolated.items()}
        return signs, moving_average(momentum, grads, hypers["beta2"])

    return GradientTransformation(zeros_like, update)


class Lion(Rule):
    """The built-in Lion, as a user would write it."""

    beta1: float = 0.9
    beta2: float = 0.99

    number_fields: ClassVar[frozenset[str]] = frozenset({"beta1", "beta2"})

    def transformations(self):
        return sign_of_momentum(), scale_by_learning_rate()

    def numbers(self):
        return {"beta1": self.beta1, "beta2": self.beta2}


class Incomplete(Rule):
    """Defines no numbers."""

    def transformations(self):
        return ()


class WithoutNumberFields(Rule):
    """Does not say which settings are numbers."""

    momentum: float = 0.5

    def transformations(self):
        return ()

    def numbers(self):
        return {}


class Scaled(Rule):
    """Gradient descent with a factor."""

    factor: float = 1.0

    number_fields: ClassVar[frozenset[str]] = frozenset({"factor"})

    def transformations(self):
        return stateless(self.scale), scale_by_learning_rate()

    def numbers(self):
        return {"factor": self.factor}

    def scale(self, updates, params, hypers):
        return {name: hypers["factor"] * u for name, u in updates.items()}


class OneTransformation(Scaled):
    """Returns one transformation instead of a tuple."""

    def transformations(self):
        return stateless(self.scale)


class UnknownNumber(Scaled):
    """Names a number that is no setting."""

    number_fields: ClassVar[frozenset[str]] = frozenset({"factors"})


class Failing(Scaled):
    """Reads a number that does not exist."""

    def scale(self, updates, params, hypers):
        return {name: hypers["factors"] * u for name, u in updates.items()}


class Conditional(Scaled):
    """Has a condition on a tensor, which torch.vmap cannot vectorize."""

    def scale(self, updates, params, hypers):
        return {name: u if u.sum() > 0 else 2 * u for name, u in updates.items()}


class ConditionalAlone(Conditional):
    """`Conditional`, trained one lane at a time."""

    fuses: ClassVar[bool] = False
    elementwise: ClassVar[bool] = False


class Normalized(Scaled):
    """Divides each tensor by its norm, which concatenation changes."""

    def scale(self, updates, params, hypers):
        return {name: u / (u.norm() + 1) for name, u in updates.items()}


class NormalizedApart(Normalized):
    """`Normalized`, without concatenation."""

    elementwise: ClassVar[bool] = False


class NaN(Scaled):
    """Makes the weights NaN in the third step."""

    def transformations(self):
        def update(updates, state, params, hypers, step):
            factor = (step * 0 + 1).where(step < 3, float("nan"))
            return {name: factor * u for name, u in updates.items()}, state

        return GradientTransformation(lambda params: {}, update), scale_by_learning_rate()


class Counting(Rule):
    """Counts its steps in Python."""

    number_fields: ClassVar[frozenset[str]] = frozenset()

    def transformations(self):
        steps = []

        def update(grads, params, hypers):
            steps.append(None)
            return {name: -grad / len(steps) for name, grad in grads.items()}

        return (stateless(update),)

    def numbers(self):
        return {}


class Drawing(Rule):
    """Draws random numbers with Python."""

    number_fields: ClassVar[frozenset[str]] = frozenset()

    def transformations(self):
        return (stateless(lambda grads, *_: {n: -random.random() * g for n, g in grads.items()}),)

    def numbers(self):
        return {}


class DrawingAlone(Drawing):
    """Draws random numbers in every step, since it is trained one lane at a time."""

    fuses: ClassVar[bool] = False
    elementwise: ClassVar[bool] = False
