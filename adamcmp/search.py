"""Searching ranges: Optuna proposes settings in whole batches, lanes train them side by side.

Each choice of config groups (each optimizer, say) is a *cell* with a search of its own, so that
all get equally many trials. Optuna's studies lie beside the results; with them, and with the store,
a search that was killed goes on where it was, and proposes what it would have proposed.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from adamcmp import frame
from adamcmp.config import (
    ROOMS,
    Axis,
    Composer,
    Interval,
    RunConfig,
    Space,
    StudyConfig,
    short,
    study_name,
    typed,
)
from adamcmp.datasets import load
from adamcmp.errors import ConfigError, StoreError
from adamcmp.files import clear_errors
from adamcmp.store import Store
from adamcmp.streams import stream_seed
from adamcmp.study import Executed

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

Train = Callable[[StudyConfig], Executed]


@dataclass(frozen=True)
class Cell:
    """One search.

    Attributes:
        name: The words that chose its config groups; empty where none were varied.
        fixed: All words of one value.
        seeds: The axis of seeds, where there is one.
    """

    name: str
    fixed: tuple[Override, ...]
    seeds: tuple[Axis, ...]


class Searching:
    """A search, composed and checked; `run` trains it.

    Args:
        composer: Composes settings.
        words: The words of a command line.

    Raises:
        ConfigError: When a word is wrong, nothing is to be searched, or Optuna is not installed.
    """

    def __init__(self, composer: Composer, words: Sequence[str]) -> None:
        self._composer, self._words = composer, words
        space = composer.space(words)
        self._name = study_name(space)
        self._intervals = space.ranges
        chosen, self._choices, seeds = _sorted(space)
        if not self._intervals and not self._choices:
            raise ConfigError(
                "A search needs something to search, such as 'lr=tag(log,interval(1e-4,1e-1))'."
            )
        self.cells = [
            Cell(" ".join(str(o.input_line) for o in own), (*own, *space.fixed), tuple(seeds))
            for own in map(_flat, itertools.product(*(axis.points for axis in chosen)))
        ]
        ends = [self.placeholders(2, cell) for cell in self.cells]
        self.config = self._together(ends)
        self.search = self.config.search
        self._check(self.config.runs)

    @property
    def seeds(self) -> int:
        """How many runs each setting is."""
        return len({run.protocol.seed for run in self.config.runs})

    def placeholders(self, count: int, cell: Cell) -> StudyConfig:
        """Return settings spread over the ranges, from end to end, as a study."""
        shares = [i / max(count - 1, 1) for i in range(count)]
        settings = [
            {
                **{key: interval.at(share) for key, interval in self._intervals.items()},
                **{key: self._options(axis)[0] for key, axis in self._choices.items()},
            }
            for share in shares
        ]
        return self._config(cell, settings)

    def preview(self) -> StudyConfig:
        """Return a study of as many runs as the search has, to see what they would take."""
        assert self.search.n is not None
        return self._together([self.placeholders(self.search.n, cell) for cell in self.cells])

    def run(self, train: Train) -> Executed:
        """Train the search to its end, from where it is.

        Args:
            train: Trains a study's runs that are not there yet, such as `execute`.

        Raises:
            StoreError: When another process searches the same study.
        """
        folder = self.config.place.folder
        trained: list[str] = []
        with _alone(folder), _quiet():
            studies = [self._optuna(folder, cell) for cell in self.cells]
            while any(asked := [self._ask(study) for study in studies]):
                done = train(self._of_trials(asked))
                trained += done.trained
                if done.elsewhere:  # another command trains some of these very runs
                    return replace(done, trained=tuple(trained))
                for study, cell, trials in zip(studies, self.cells, asked, strict=True):
                    self._tell(study, cell, trials, done)
            every = train(self._of_trials([study.get_trials() for study in studies]))
        return replace(every, trained=tuple(trained))

    def best(self) -> list[tuple[str, float]]:
        """Return the words of each cell's best setting, and its objective."""
        with _quiet():
            studies = [self._optuna(self.config.place.folder, cell) for cell in self.cells]
            return [
                (self._typed(cell, study.best_trial), study.best_value)
                for cell, study in zip(self.cells, studies, strict=True)
            ]

    def _typed(self, cell: Cell, trial: FrozenTrial) -> str:
        """Return a trial as the words that would train it."""
        setting = self._setting(trial)
        words = _flat([self._overrides(key, value) for key, value in setting.items()])
        return " ".join(filter(None, [cell.name, *(typed(str(o.input_line)) for o in words)]))

    @property
    def objective(self) -> str:
        """The metric that is minimized."""
        run = self.config.runs[0]
        usual = "val_error" if run.dataset.kind == "classification" else "val_loss"
        return self.search.objective or usual

    def _of_trials(self, trials: Sequence[Sequence[FrozenTrial]]) -> StudyConfig:
        """Return the runs of trials, given for each cell."""
        configs = [
            self._config(cell, [self._setting(trial) for trial in own])
            for cell, own in zip(self.cells, trials, strict=True)
            if own
        ]
        return self._together(configs)

    def _check(self, runs: Sequence[RunConfig]) -> None:
        Store(self.config.place.folder).numerics()  # refuses imported runs
        with contextlib.suppress(ImportError):
            import optuna  # noqa: F401

            if not len(load(runs[0].dataset).val):
                raise ConfigError("A search minimizes a validation metric: dataset.validation=0.1.")
            return
        raise ConfigError("sampler= needs Optuna: pip install 'adamcmp[search]'")

    def _config(self, cell: Cell, settings: Sequence[Mapping[str, Any]]) -> StudyConfig:
        """Return the runs of settings of one cell: each setting's seeds one after the other."""
        points = tuple(
            _flat([self._overrides(key, value) for key, value in setting.items()])
            for setting in settings
        )
        axis = Axis(tuple(override.get_key_element() for override in points[0]), points)
        space = Space((*cell.fixed, axis, *cell.seeds))
        return self._composer.study(space, self._words, self._name)

    def _overrides(self, key: str, value: Any) -> tuple[Override, ...]:
        """Return the words that set one searched value; for paired keys there are several."""
        if key in self._choices:
            axis = self._choices[key]
            return axis.points[self._options(axis).index(value)]
        return (self._composer.override(f"{key}={value}"),)

    @staticmethod
    def _options(axis: Axis) -> list[str]:
        return [" ".join(words) for words in axis.words]

    @staticmethod
    def _together(configs: Sequence[StudyConfig]) -> StudyConfig:
        return replace(configs[0], runs=tuple(run for config in configs for run in config.runs))

    def _setting(self, trial: FrozenTrial) -> dict[str, Any]:
        return {
            key: short(value) if isinstance(value, float) else value
            for key, value in trial.params.items()
        }

    def _optuna(self, folder: Path, cell: Cell) -> Study:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        storage = JournalStorage(JournalFileBackend(str(folder / "optuna.journal")))
        return optuna.create_study(
            storage=storage, study_name=cell.name or "all", load_if_exists=True
        )

    def _ask(self, study: Study) -> list[FrozenTrial]:
        """Return the trials of the next batch, those asked before a search was killed first."""
        from optuna.trial import TrialState

        trials = study.get_trials(deepcopy=False)
        waiting = [trial for trial in trials if trial.state == TrialState.RUNNING]
        told = len(trials) - len(waiting)
        assert self.search.n is not None
        until = min((told // self.search.batch + 1) * self.search.batch, self.search.n)
        for number in range(len(trials), until):
            study.sampler = _sampler(str(self.search.sampler), number)
            study.ask(fixed_distributions=self._distributions())
        return [t for t in study.get_trials() if t.state == TrialState.RUNNING]

    def _distributions(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import CategoricalDistribution

        return {
            **{key: _distribution(interval) for key, interval in self._intervals.items()},
            **{
                key: CategoricalDistribution(self._options(axis))
                for key, axis in self._choices.items()
            },
        }

    def _tell(
        self, study: Study, cell: Cell, trials: Sequence[FrozenTrial], done: Executed
    ) -> None:
        """Tell Optuna each setting's objective: the mean over seeds, infinite if one diverged."""
        if not trials:
            return
        runs = self._config(cell, [self._setting(trial) for trial in trials]).runs
        ids = {spec.config: spec.run_id for spec in done.specs}
        rows = frame.runs_table(done.folder, ["run_id", self.objective]).to_pylist()
        values = {row["run_id"]: row[self.objective] for row in rows}
        for trial, own in zip(trials, _chunks(runs, self.seeds), strict=True):
            found = [values.get(ids[run]) for run in own]
            finite = [value for value in found if value is not None and math.isfinite(value)]
            value = sum(finite) / len(finite) if len(finite) == len(found) else math.inf
            study.tell(trial.number, value)


def _distribution(interval: Interval) -> BaseDistribution:
    from optuna.distributions import FloatDistribution, IntDistribution

    if interval.whole:
        return IntDistribution(int(interval.start), int(interval.end), log=interval.log)
    return FloatDistribution(interval.start, interval.end, log=interval.log)


def _sorted(space: Space) -> tuple[list[Axis], dict[str, Axis], list[Axis]]:
    """Return axes that choose config groups, those that are searched, and seeds."""
    chosen, searched, kept = [], {}, []
    for axis in space.axes:
        if any(key in ROOMS for key in axis.keys):
            chosen.append(axis)
        elif axis.keys == ("seed",):
            kept.append(axis)
        else:
            searched[",".join(axis.keys)] = axis
    return chosen, searched, kept


def _flat(points: Sequence[tuple[Override, ...]]) -> tuple[Override, ...]:
    return tuple(override for point in points for override in point)


def _chunks(runs: Sequence[RunConfig], size: int) -> list[Sequence[RunConfig]]:
    return [runs[i : i + size] for i in range(0, len(runs), size)]


def _sampler(name: str, number: int) -> Any:
    """Return Optuna's sampler for one trial, seeded by the trial's number.

    So a search that was killed proposes what it would have proposed.
    """
    from optuna import samplers

    seed = stream_seed(0, name, number) % 2**32
    rest = samplers.RandomSampler(seed=seed)
    if name == "sobol":
        return samplers.QMCSampler(
            qmc_type="sobol",
            scramble=True,
            seed=0,  # all trials are of one sequence
            independent_sampler=rest,
            warn_independent_sampling=False,
            warn_asynchronous_seeding=False,
        )
    if name == "tpe":
        return samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
    if name == "cmaes":
        return samplers.CmaEsSampler(
            seed=seed, independent_sampler=rest, warn_independent_sampling=False
        )
    return rest


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a study's search; of two at once neither would know the other's trials."""
    with clear_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".search.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise StoreError(f"{folder} is being searched by another process.") from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna's log, and its warnings about what is experimental in it, off the terminal."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
