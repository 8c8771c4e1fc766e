"""The key ``lr_wd``: the product lr·wd, which sets the weight decay of the optimizer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, TypeGuard

from adamcmp.errors import ConfigError

#: The key in the config. It belongs to the section of the optimizer.
PRODUCT = "lr_wd"


def with_weight_decay(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the optimizer's section with the weight decay lr_wd / lr; unchanged without `lr_wd`.

    The quotient is that of the decimal numbers, rounded once, so that a product and a learning rate
    with few digits give the weight decay that one would type.

    >>> with_weight_decay({"optimizer": {"lr": 3e-3, "weight_decay": 0.0}, "lr_wd": 3e-5})
    {'optimizer': {'lr': 0.003, 'weight_decay': 0.01}, 'lr_wd': None}

    Args:
        values: The section's plain values, with the keys ``optimizer`` and ``lr_wd``.

    Raises:
        ConfigError: If `lr_wd` is not a number of at least 0, or there is no such weight decay.
    """
    product, optimizer = values.get(PRODUCT), values.get("optimizer")
    if product is None or not isinstance(optimizer, Mapping):
        return values
    if not _is_number(product) or product < 0:
        raise ConfigError(f"{PRODUCT}={product}: should be a number of at least 0.")
    lr = optimizer.get("lr")
    if not _is_number(lr):
        return values  # the validation of lr reports it
    if lr <= 0:
        raise ConfigError(f"{PRODUCT}={product}: sets wd = {PRODUCT} / lr, so lr should not be 0.")
    try:
        decay = decay_of_product(product, lr)
    except OverflowError:
        raise ConfigError(f"{PRODUCT}={product} with lr={lr}: wd would be too large.") from None
    return {**values, "optimizer": {**optimizer, "weight_decay": decay}, PRODUCT: None}


def decay_of_product(product: float, lr: float) -> float:
    """Return product / lr, the quotient of the decimal numbers, rounded once.

    >>> decay_of_product(3e-4, 0.1), 3e-4 / 0.1
    (0.003, 0.0029999999999999996)

    Raises:
        OverflowError: If it is too large for a number.
    """
    return float(Fraction(str(product)) / Fraction(str(lr)))


def _is_number(value: Any) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)
