"""Describe what the seeds of a comparison could have detected, and how many more are needed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from scipy import stats

from adamcmp.analysis.estimates import ALPHA
from adamcmp.analysis.oriented import covers_examples, with_unit
from adamcmp.analysis.power import POWER

#: Up to this number of seeds, the sentence says that they are little evidence.
FEW_SEEDS = 3
#: The sentence also gives the detectable difference between the two settings if the selection makes
#: the one between the optimizers more than this many times as large.
SELECTION_DOMINATES = 1.2


def few_seeds_note(oriented: Mapping[str, Any]) -> str:
    """Return that two or three seeds are little evidence; empty for more, and without a test."""
    n = oriented["n"]
    if n > FEW_SEEDS or math.isnan(oriented["p_value"]) or oriented["evidence"] == "divergence":
        return ""
    if oriented["better"] or not oriented["paired"]:
        return f" {n} seeds are little evidence: they cannot show whether the noise is normal."
    needed = stats.t.ppf(1 - ALPHA / 2, n - 1) / math.sqrt(n)
    return (
        f" {n} seeds are very few: a difference is significant only if it is {needed:.1f} times as "
        f"large as its standard deviation over seeds."
    )


def detectable_note(oriented: Mapping[str, Any]) -> str:
    """Return the smallest difference that would probably have been significant."""
    if math.isnan(oriented["detectable"]):
        return ""
    size, settings = (
        with_unit(oriented[name], oriented) for name in ("detectable", "detectable_settings")
    )
    if oriented["detectable"] > SELECTION_DOMINATES * oriented["detectable_settings"]:
        size += f" between the optimizers, or {settings} between these two settings,"
    return f"; a true difference of at least {size} would have been detected with 80 % power"


def more_seeds_note(oriented: Mapping[str, Any]) -> str:
    """Return the number of additional seeds that would detect a difference."""
    added = oriented["seeds_needed"] - oriented["n"]
    if not added > 0:
        return ""
    target = with_unit(oriented["settles"], oriented)
    if math.isinf(added) and _examples_outweigh(oriented):
        return (
            f". No number of seeds would detect a difference of {target}, since the test examples "
            f"vary too much; use a larger test set"
        )
    if math.isinf(added):
        is_lead = target == with_unit(oriented["lead"], oriented)
        difference = "this" if is_lead else f"a difference of {target}"
        return ". " + selection_caveat(oriented, difference)
    count = f"{'about ' if added >= 20 else ''}{_rounded(added)}"
    return f"; {count} more seed{'' if added == 1 else 's'} would detect a difference of {target}"


def selection_caveat(oriented: Mapping[str, Any], difference: str) -> str:
    """Return the caveat that selection could explain a difference, with what to add."""
    a, b = oriented["settings_a"], oriented["settings_b"]
    among = f"{a} settings each" if a == b else f"{a} and {b} settings"
    return (
        f"Selection among {among} could explain {difference}; add selection seeds or validation "
        f"examples, not evaluation seeds"
    )


def _examples_outweigh(oriented: Mapping[str, Any]) -> bool:
    """Return whether the test examples alone prevent the detection of a difference."""
    if not covers_examples(oriented):
        return False
    # Half of an interval is z standard errors. A difference that is detected with probability POWER
    # is larger by the quantile of POWER.
    z = stats.norm.ppf(1 - ALPHA / 2)
    detectable = (z + stats.norm.ppf(POWER)) / z * oriented["ci_examples"]
    return bool(oriented["settles"] < detectable)


def _rounded(count: float) -> int:
    """Return a number of seeds, exact below 20, else to the nearest 5 or two digits."""
    if count < 20:
        return int(count)
    return int(float(f"{count:.2g}") if count >= 100 else 5 * round(count / 5))
