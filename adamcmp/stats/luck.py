"""What luck in choosing a setting can do to a comparison.

Settings are chosen on few seeds. Chosen anew, on other seeds, the choice may fall on another
setting, which is truly a little better or worse: the difference of two chosen settings varies more
than its interval over seeds says. And a setting that won by luck on validation was lucky on the
test set too, on the same seeds: an optimizer that had more settings looks better than it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from adamcmp.stats.estimates import Floats

#: How often settings are chosen anew.
DRAWS = 1000
#: The best settings, whose spread over seeds counts: those that can be chosen.
CONTENDERS = 8


class Luck(NamedTuple):
    """What choosing did.

    Attributes:
        optimism: By how much the chosen setting looks higher than it is on the seeds that chose it.
        variance: Variance of the chosen setting's true mean, were it chosen on other seeds.
    """

    optimism: float
    variance: float


NONE = Luck(0.0, 0.0)


def luck(validation: Floats, metric: Floats) -> Luck:
    """Return what luck choosing had, by choosing anew many times (parametric bootstrap).

    Validation means are drawn around those that were seen, with the spread over seeds that is left
    when what a seed does to all settings is taken away, pooled over the best settings; each time
    the lowest is chosen. Its luck carries over to `metric` by the regression of the one's
    residuals on the other's (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 17, on
    optimism). The draws are the same each time, so that equal data give equal answers.

    Args:
        validation: What was chosen by, lower is better; shape (settings, seeds), no NaN.
        metric: What is compared, of the same runs.
    """
    settings, seeds = validation.shape
    if settings < 2 or seeds < 2:
        return NONE
    means = validation.mean(axis=1)
    best = np.argsort(means, kind="stable")[:CONTENDERS]
    own, other = _residuals(validation[best]), _residuals(metric[best])
    squares = float((own**2).sum())
    if squares == 0:
        return NONE
    noise = np.sqrt(squares / ((len(best) - 1) * (seeds - 1)) / seeds)
    drawn = noise * np.random.default_rng(0).standard_normal((DRAWS, settings))
    chosen = (means + drawn).argmin(axis=1)
    slope = float((own * other).sum()) / squares
    optimism = slope * drawn[np.arange(DRAWS), chosen].mean()
    # The means that are drawn around are off by as much as what is drawn: half is theirs.
    return Luck(float(optimism), float(metric.mean(axis=1)[chosen].var() / 2))


def _residuals(values: Floats) -> Floats:
    """Return values less their setting's and their seed's mean."""
    centred = values - values.mean(axis=1, keepdims=True)
    return np.asarray(centred - centred.mean(axis=0, keepdims=True))
