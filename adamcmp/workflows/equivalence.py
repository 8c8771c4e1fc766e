"""Is L2 regularization the same as weight decay? Train both forms, and evaluate the algebra."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adamcmp.config import Composer
from adamcmp.errors import ConfigError, StoreError
from adamcmp.experiments.claims import CLAIMS, Claim
from adamcmp.experiments.optimizer_choice import OptimizerChoice, split_arguments
from adamcmp.experiments.two_forms import (
    OPTIMIZERS,
    FormComparison,
    compare_forms,
    compose_forms,
    with_defaults,
)
from adamcmp.platform.files import expand_user

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

#: True claims deviate by less, since they are computed in double precision.
TOLERANCE = 1e-10


@dataclass(frozen=True)
class CheckedClaim:
    """A claim about an update rule, and the deviation with which it holds.

    Attributes:
        topic: The optimizer that it concerns.
        text: The claim.
        is_true: Whether it is true; some claims that are often read are false.
        deviation: The largest difference between both sides of the claim.
    """

    topic: str
    text: str
    is_true: bool
    deviation: float

    @property
    def holds(self) -> bool:
        """Whether a true claim is confirmed, or a false one refuted."""
        return (self.deviation <= TOLERANCE) == self.is_true


@dataclass(frozen=True)
class Equivalence:
    """The result of `adamcmp.equivalence`.

    Attributes:
        comparisons: What was measured of each optimizer.
    """

    comparisons: tuple[FormComparison, ...]

    @property
    def table(self) -> pd.DataFrame:
        """One row per optimizer, as in the output of ``adamcmp equivalence --json``."""
        import pandas as pd

        rows = pd.DataFrame([form_row(comparison) for comparison in self.comparisons])
        return rows.drop(columns=["steps", "distance", "share"])

    @property
    def distances(self) -> pd.DataFrame:
        """The distance between the forms: columns ``optimizer step distance share``.

        ``distance`` is divided by the norm of the weights, and ``share`` by the distance between
        the L2 form and the rule without weight decay.
        """
        import pandas as pd

        parts = [
            pd.DataFrame({"step": d.steps, "distance": d.distance, "share": d.share}).assign(
                optimizer=d.optimizer.text
            )
            for d in (comparison.distances for comparison in self.comparisons)
        ]
        return pd.concat(parts, ignore_index=True)[["optimizer", "step", "distance", "share"]]

    def figures(self) -> dict[str, Figure]:
        """Return the pictures, ``distances`` and ``decay``."""
        return figures(self.comparisons)


def train_forms(
    arguments: Iterable[str] = (), config_dir: str | None = None
) -> Iterator[FormComparison]:
    """Train the L2 form and the decoupled form of optimizers; yield each result once it is known.

    Args:
        arguments: Optimizers with their settings (``sgd:momentum=0``), and overrides of all runs.
            Without optimizers, `OPTIMIZERS` are compared.
        config_dir: A folder of the user's yaml files.

    Raises:
        ConfigError: If an argument is invalid. All are checked before anything is trained.
    """
    composer = Composer(config_dir)
    choices, overrides = split_arguments(arguments)
    choices = choices or [OptimizerChoice.parse(text) for text in OPTIMIZERS]
    settings = with_defaults(overrides)
    composed = [compose_forms(composer, choice, settings) for choice in choices]
    yield from map(compare_forms, composed)


def form_row(result: FormComparison) -> dict[str, Any]:
    """Return what was measured of an optimizer as JSON values."""
    measured = result.distances
    coefficient, share = measured.closest
    return {
        "optimizer": measured.optimizer.text,
        "lr": measured.lr,
        "wd_l2": measured.coefficients.l2,
        "wd_decoupled": measured.coefficients.matched,
        "gain": measured.coefficients.gain,
        "is_rounding": measured.is_rounding,
        "steps": measured.steps,
        "distance": [_finite(value) for value in measured.distance],
        "share": [_finite(value) for value in measured.share],
        "closest_wd": coefficient,
        "closest_share": _finite(share),
        "small_to_large_l2": _finite(result.l2.small_to_large),
        "small_to_large_decoupled": _finite(result.decoupled.small_to_large),
    }


def check_claims(claims: Sequence[Claim] = CLAIMS) -> Iterator[CheckedClaim]:
    """Evaluate claims about update rules; yield each result once it is known."""
    for claim in claims:
        yield CheckedClaim(claim.topic, claim.text, claim.is_true, claim.deviation())


def figures(results: Sequence[FormComparison]) -> dict[str, Figure]:
    """Return the pictures of a comparison by their names."""
    from adamcmp.experiments.decay_plot import draw_decay
    from adamcmp.experiments.distance_plot import draw_distances

    decays = [form for result in results for form in (result.l2, result.decoupled)]
    return {
        "distances": draw_distances([result.distances for result in results]),
        "decay": draw_decay(decays),
    }


def output_folder(out: str) -> Path:
    """Return the folder for pictures.

    Raises:
        ConfigError: If it is a file.
    """
    folder = expand_user(out)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--out {out} is a file. Name a folder.")
    return folder


def write_pictures(results: Sequence[FormComparison], folder: Path) -> list[Path]:
    """Write the pictures of a comparison as PNG files, and return their paths.

    Raises:
        StoreError: If they cannot be written.
    """
    from adamcmp.plots import save

    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in figures(results).items():
            paths.append(folder / f"{name}.png")
            save(figure, paths[-1], "png", name)
    except OSError as error:
        raise StoreError(f"Cannot write to {folder}: {error.strerror or error}.") from None
    return paths


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
