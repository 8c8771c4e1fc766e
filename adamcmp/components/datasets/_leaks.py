"""Signs that a feature reveals the target, such as the index of a sorted file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from adamcmp.components.data import Data, Floats

#: Examples that are looked at; a feature that reveals the target does so on any of them.
_EXAMPLES = 2000
#: Largest probability that a feature without information raises a false alarm.
_FALSE_ALARM = 1e-3


def leak_notices(data: Data, names: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for features that number rows, and one for those that predict the target.

    A single feature is not suspicious: it is all that the data has.

    Args:
        data: The data, whose inputs are (N, features).
        names: The name of each feature.
    """
    features = range(data.train.x.shape[1])
    if len(features) < 2:
        return
    counting = [feature for feature in features if _counts_rows(data, feature)]
    if counting:
        yield (
            f"{_listed(names, counting)} numbers the rows: all its values differ, at equal "
            f"distances. If the rows are sorted, it reveals the target. Remove it unless it is a "
            f"measurement."
        )
    false_alarm = _FALSE_ALARM / len(features)
    others = (feature for feature in features if feature not in counting)
    predicting = [f for f in others if _predicts_perfectly(data, f, false_alarm)]
    if predicting:
        yield (
            f"{_listed(names, predicting)} alone predicts the validation targets perfectly. Remove "
            f"it unless it is known before the target."
        )


def _listed(names: Sequence[str], features: Sequence[int]) -> str:
    """Return the name of the first feature, and how many follow."""
    more = f" (and {len(features) - 1} more)" if len(features) > 1 else ""
    return names[features[0]] + more


def _counts_rows(data: Data, feature: int) -> bool:
    """Return whether the sorted values are at equal distances, like row numbers."""
    some = data.train.x[:_EXAMPLES, feature]
    if len(np.unique(some)) < len(some):
        return False
    splits = (data.train, data.val, data.test)
    steps = np.diff(np.sort(np.concatenate([split.x[:, feature] for split in splits])))
    return bool(steps[0] > 0 and np.allclose(steps, steps.mean(), rtol=1e-6, atol=0))


def _predicts_perfectly(data: Data, feature: int, false_alarm: float) -> bool:
    """Return whether one feature determines the validation targets.

    Each validation example gets the target of the training example with the nearest value. Real
    targets count as predicted if their order is that of the feature.

    Args:
        data: The data.
        feature: The feature.
        false_alarm: Largest probability that a random feature is reported.
    """
    x, y = data.val.x[:_EXAMPLES, feature], data.val.y[:_EXAMPLES]
    if data.shape.problem_type == "regression":
        return y.shape[1] == 1 and len(y) > 10 and _same_order(x, y[:, 0])
    if not len(y) or (np.bincount(y).max() / len(y)) ** len(y) > false_alarm:
        return False  # too few examples, or nearly all of one class
    train_x, train_y = data.train.x[:_EXAMPLES, feature], data.train.y[:_EXAMPLES]
    return bool((train_y[_nearest(train_x, x)] == y).all())


def _same_order(x: Floats, y: Floats) -> bool:
    """Return whether x has distinct values, in the order of y or in the reverse order."""
    sorted_y = y[np.argsort(x)]
    distinct = len(np.unique(x)) == len(x)
    return distinct and bool((np.diff(sorted_y) > 0).all() or (np.diff(sorted_y) < 0).all())


def _nearest(values: Floats, queries: Floats) -> NDArray[np.int64]:
    """Return the index of the value that is nearest to each query."""
    order: NDArray[np.int64] = np.argsort(values, kind="stable")
    ordered = values[order]
    right = np.searchsorted(ordered, queries).clip(1, len(ordered) - 1)
    closer_to_left = queries - ordered[right - 1] < ordered[right] - queries
    nearest: NDArray[np.int64] = order[right - closer_to_left]
    return nearest
