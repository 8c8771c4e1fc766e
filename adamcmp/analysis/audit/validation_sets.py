"""Check: is the validation set too small to select settings on?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from adamcmp.analysis.arms import Arm
from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.selection_bias import effect_of_validation_examples
from adamcmp.analysis.wording import display_name, join_names

#: From this effect of the validation examples on, relative to the noise of a run, verdicts on some
#: simulated studies make more false claims than they should (docs/statistics.md).
LARGE = 1.25
#: Fewer settings or selection seeds do not show the effect.
MIN_SETTINGS, MIN_SEEDS = 4, 3


def check(table: RunTable) -> Iterator[Finding]:
    """Yield problems on which the validation examples change errors more than the seeds do."""
    for problem, subtable in table.by_problem():
        arms = Arm.of_optimizers(subtable)
        effects = {arm.name: _effect(arm) for arm in arms if len(arms) > 1}
        if large := {name: effect for name, effect in effects.items() if effect >= LARGE}:
            listed = join_names([f"{display_name(name)} {large[name]:.1f}" for name in large])
            yield Finding(
                "validation",
                "warning",
                problem,
                f"The validation set is small: its sample of examples changes the errors of "
                f"settings more than the seed does (times the standard deviation over seeds: "
                f"{listed}). More seeds do not select better settings; in a new study, use a "
                f"larger dataset.validation, or data_seed=seed.",
                undermines="a small validation set",
            )


def _effect(arm: Arm) -> float:
    """Return the effect of the validation examples; 0 if the runs do not show it."""
    validation, test, _ = arm.selection_values(f"test_{arm.measure}")
    settings, seeds = validation.shape
    if settings < MIN_SETTINGS or seeds < MIN_SEEDS or not np.ptp(validation, axis=-1).any():
        return 0.0
    return float(effect_of_validation_examples(validation, test))
