"""Simulated studies: settings are selected on validation, and the best ones are compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adamcmp.analysis.selection_bias import SHARE, SelectionBias, selection_bias
from simulation_noise import NOISES, Floats, Rng

#: Share of a run's variance that is due to its seed, common to all settings and optimizers.
SHARED = 0.3
#: Correlation of validation and test error at the same weights.
CORRELATION = 0.8
#: Studies simulated at a time, to limit memory.
CHUNK = 50
#: Curvature of the true error over a square grid, in standard deviations per squared step.
SURFACES = {"flat": 0.0, "shallow": 0.02, "wide": 0.05, "bowl": 0.3, "steep": 5.0}
#: The share of the bootstrap variance that earlier versions allowed for.
EARLIER_SHARE = 0.5


@dataclass(frozen=True)
class Design:
    """The stages of a study.

    Attributes:
        selection_seeds: Seeds that all settings have.
        evaluation_seeds: Further seeds of the selected settings; 0 reports the selection seeds.
        candidates: The number of settings that are ranked again with further seeds; 0 for none.
        candidate_seeds: The number of these seeds.
    """

    selection_seeds: int
    evaluation_seeds: int = 0
    candidates: int = 0
    candidate_seeds: int = 0

    def __str__(self) -> str:
        stages = [f"{self.selection_seeds}"]
        stages += [f"{self.candidates}×{self.candidate_seeds}"] if self.candidates else []
        stages += [f"{self.evaluation_seeds}"] if self.evaluation_seeds else []
        return " + ".join(stages)

    @property
    def seeds(self) -> int:
        """The number of seeds of the selected setting."""
        return self.selection_seeds + self.candidate_seeds + self.evaluation_seeds


@dataclass(frozen=True)
class Scenario:
    """Parameters of simulated studies.

    Attributes:
        surface: One of `SURFACES`; all settings are equal in "flat".
        noise: One of `NOISES`.
        settings: The number of settings of each optimizer.
        design: The stages of the studies.
        noise_ratio: The noise of the optimizers after the first, relative to the first one's; the
            effect of the seed is common to all.
        examples: Standard deviation over settings of the effect of the validation examples, and of
            the test examples, on a setting's error.
        better: By how much the first optimizer is truly better, in standard deviations of a run.
    """

    surface: str
    noise: str
    settings: tuple[int, ...]
    design: Design
    noise_ratio: float = 1.0
    examples: tuple[float, float] = (0.0, 0.0)
    better: float = 0.0

    @property
    def description(self) -> dict[str, object]:
        """The columns of a table that name the scenario, without its design."""
        ratio = "" if self.noise_ratio == 1 else f", 1 and {self.noise_ratio}"
        return {
            "errors of settings": self.surface,
            "noise": self.noise + ratio,
            "examples": "{:g} and {:g}".format(*self.examples) if any(self.examples) else "",
            "settings": ", ".join(map(str, self.settings)),
        }


def true_errors(surface: str, settings: int) -> Floats:
    """Return the true errors of the settings, the lowest at 0."""
    side = int(np.sqrt(settings))
    squares = (np.arange(side) - (side - 1) / 2) ** 2
    errors = SURFACES[surface] * (squares[:, None] + squares).ravel()
    return np.resize(errors - errors.min(), settings)


@dataclass(frozen=True)
class SimulatedArm:
    """An optimizer in simulated studies.

    Attributes:
        validation: Validation errors that selected the setting, (studies, settings, seeds).
        test: The test errors of the same runs.
        reported_validation: Validation errors of the reported seeds, (studies, seeds).
        reported: The test errors of the same runs.
        design: The stages of the studies.
    """

    validation: Floats
    test: Floats
    reported_validation: Floats
    reported: Floats
    design: Design

    def bias(self, earlier: bool = False) -> SelectionBias:
        """Return the selection bias, or the one that earlier versions estimated."""
        bias = selection_bias(
            self.validation,
            np.full_like(self.test, np.nan) if earlier else self.test,
            self.test,
            fresh=bool(self.design.evaluation_seeds) or self.test.shape[1] == 1,
            candidates=not earlier and self.test.shape[-1] > self.design.selection_seeds,
            single_setting_sd=self.reported_validation.std(axis=-1, ddof=1),
        )
        scale = EARLIER_SHARE / SHARE if earlier else 1.0
        bias = bias._replace(variance=scale * np.asarray(bias.variance))
        return bias._replace(regret=0.0) if earlier else bias


@dataclass(frozen=True)
class _Runs:
    """Draws the runs of an optimizer's settings.

    Attributes:
        rng: Random numbers.
        noise: One of `NOISES`.
        size: The standard deviation of a run's noise.
        means: The means of the settings' validation errors and of their test errors, each of shape
            (studies, settings).
    """

    rng: Rng
    noise: str
    size: float
    means: tuple[Floats, Floats]

    def draw(self, settings: npt.NDArray[np.intp], seeds: Floats) -> tuple[Floats, Floats]:
        """Return the validation errors and the test errors of some runs.

        Args:
            settings: The settings to run, (studies, settings).
            seeds: The effects of the seeds, (studies, seeds).
        """
        noise = NOISES[self.noise](self.rng, (*settings.shape, seeds.shape[-1]))
        quality = np.sqrt(SHARED) * seeds[:, None] + self.size * np.sqrt(1 - SHARED) * noise
        validation, test = (self._measured(mean, settings, quality) for mean in self.means)
        return validation, test

    def _measured(self, means: Floats, settings: npt.NDArray[np.intp], quality: Floats) -> Floats:
        """Return the errors of runs of some quality on the validation or the test set."""
        single = self.size * np.sqrt(1 - CORRELATION) * self.rng.standard_normal(quality.shape)
        of_settings = np.take_along_axis(means, settings, axis=1)[..., None]
        return np.asarray(of_settings + np.sqrt(CORRELATION) * quality + single)


def simulated(
    rng: Rng, scenario: Scenario, settings: int, seeds: Floats, first: bool = False
) -> SimulatedArm:
    """Return an optimizer's runs in each study.

    Args:
        rng: Random numbers.
        scenario: The scenario.
        settings: The number of settings.
        seeds: The effects of the seeds, (studies, seeds).
        first: Whether this is the first optimizer.
    """
    size, better = (1.0, scenario.better) if first else (scenario.noise_ratio, 0.0)
    truth = true_errors(scenario.surface, settings) - better
    validation_means, test_means = (
        truth + sd * rng.standard_normal((len(seeds), settings)) for sd in scenario.examples
    )
    runs = _Runs(rng, scenario.noise, size, (validation_means, test_means))
    design = scenario.design
    stages = np.split(seeds, np.cumsum([design.selection_seeds, design.candidate_seeds]), axis=1)
    ranked = np.tile(np.arange(settings), (len(seeds), 1))
    validation, test = runs.draw(ranked, stages[0])
    if design.candidates and 2 * design.candidates <= settings:
        ranked = validation.mean(axis=-1).argsort(axis=-1)[:, : design.candidates]
        first_stage = (np.take_along_axis(x, ranked[..., None], axis=1) for x in (validation, test))
        pairs = zip(first_stage, runs.draw(ranked, stages[1]), strict=True)
        validation, test = (np.concatenate(pair, axis=-1) for pair in pairs)
    best = validation.mean(axis=-1).argmin(axis=-1)[:, None]
    if design.evaluation_seeds:
        reported = runs.draw(np.take_along_axis(ranked, best, axis=1), stages[2])
    else:
        reported = tuple(np.take_along_axis(x, best[..., None], axis=1) for x in (validation, test))
    return SimulatedArm(validation, test, *(x[:, 0] for x in reported), design)


def chunks(scenario: Scenario, studies: int) -> Iterator[list[SimulatedArm]]:
    """Yield the arms of some studies at a time."""
    rng = np.random.default_rng([*f"{scenario.description}{scenario.design}".encode()])
    for _ in range(studies // CHUNK):
        seeds = NOISES[scenario.noise](rng, (CHUNK, scenario.design.seeds))
        counts = enumerate(scenario.settings)
        yield [simulated(rng, scenario, count, seeds, first=not i) for i, count in counts]
