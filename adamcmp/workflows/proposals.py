"""The settings that a search tries: Optuna proposes them in batches, and a file stores them.

The file holds settings only. Their values are read from the store when a command starts, so that
additional seeds and retrained runs are included. Optuna's study is kept in memory. A command that
continues a search replays it: each stored setting replaces the proposal of the same number, which
restores the state of stateful samplers.
"""

from __future__ import annotations

import contextlib
import json
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adamcmp.config import SearchRange, Setting
from adamcmp.errors import StoreError
from adamcmp.platform.files import storage_errors
from adamcmp.platform.random_streams import stream_seed
from adamcmp.storage.files import Files

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

#: Samplers with state that depends on earlier proposals, so that they must be replayed.
_STATEFUL = ("sobol", "cmaes")


class Proposals:
    """The settings of one search, in the order in which they were proposed.

    Use it within `quiet`.

    Args:
        files: The files of the study.
        name: The file that stores the settings.
        sampler: The name of the sampler; see `adamcmp.config.Search`.
        space: The searched domain of each key: a range, or the texts of a list of values.

    Attributes:
        settings: The settings proposed so far.
        values: The objective of those settings that are trained, which come first; infinite if a
            run diverged or failed.

    Raises:
        StoreError: If the file does not hold settings of this search space.
    """

    def __init__(
        self,
        files: Files,
        name: str,
        sampler: str,
        space: Mapping[str, SearchRange | Sequence[str]],
    ) -> None:
        import optuna

        self._files, self._name, self._sampler = files, name, sampler
        # Sorted, so that proposals do not depend on the order of the overrides.
        self._distributions = {key: _distribution(space[key]) for key in sorted(space)}
        self.settings = _read(files, name, self._distributions)
        self.values: list[float] = []
        # `_ask` replaces this sampler for each proposal.
        self._study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        self._reported = 0  # number of values that Optuna's study has received

    def propose(self, start: int, end: int) -> list[Setting]:
        """Propose the settings of a batch, given the values of all earlier settings.

        Args:
            start: The number of the batch's first setting; `values` holds those before it.
            end: The number after that of its last setting.

        Returns:
            The new settings, which are now stored.
        """
        for value in self.values[self._reported : start]:
            self._study.tell(self._reported, value)
            self._reported += 1
        stored = len(self.settings)
        for number in range(start, end):
            replayed = self.settings[number] if number < stored else None
            setting = self._ask(number, replayed)
            if replayed is None:
                self.settings.append(setting)
        if len(self.settings) > stored:
            self._write()
        return self.settings[max(start, stored) : end]

    def _ask(self, number: int, replayed: Setting | None) -> Setting:
        """Return the proposal of a number: Optuna's, or the stored setting that is replayed."""
        sampler_needed = replayed is None or self._sampler in _STATEFUL
        sampler = _sampler(self._sampler if sampler_needed else "random", number)
        self._study.sampler = sampler if replayed is None else _replaying(sampler, replayed)
        self._study.ask(self._distributions)
        # To copy all trials for each proposal would take quadratic time.
        return dict(self._study.get_trials(deepcopy=False)[number].params)

    def _write(self) -> None:
        lines = ",\n".join(json.dumps(setting) for setting in self.settings)
        with storage_errors(self._files.address):
            self._files.remove_partial_writes(self._name, time.time_ns())
            self._files.replace(self._name, f"[\n{lines}\n]\n".encode())


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna's log and its warnings about experimental features off the terminal."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def _read(files: Files, name: str, distributions: dict[str, BaseDistribution]) -> list[Setting]:
    from optuna.trial import create_trial

    location = files.location(name)
    try:
        settings: list[Setting] = json.loads(files.read(name))
        for setting in settings:  # raises unless the setting is in the space
            create_trial(params=setting, distributions=distributions, value=0.0)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"Cannot read {location}: {error.strerror or error}.") from None
    except (ValueError, TypeError, AttributeError):
        raise StoreError(
            f"{location} is damaged: it does not hold the settings of this search. Delete it to "
            f"start the search from the beginning; trained settings are not trained again."
        ) from None
    return settings


def _distribution(searched: SearchRange | Sequence[str]) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if not isinstance(searched, SearchRange):
        return CategoricalDistribution(searched)
    if searched.integer:
        return IntDistribution(int(searched.start), int(searched.end), log=searched.log)
    return FloatDistribution(searched.start, searched.end, log=searched.log)


def _replaying(sampler: BaseSampler, setting: Setting) -> BaseSampler:
    """Return a sampler that proposes a stored setting, after `sampler` has updated its state."""
    from optuna.samplers import BaseSampler

    class Replaying(BaseSampler):
        def infer_relative_search_space(self, *args: Any) -> dict[str, BaseDistribution]:
            return sampler.infer_relative_search_space(*args)

        def sample_relative(self, *args: Any) -> dict[str, Any]:
            return {key: setting[key] for key in sampler.sample_relative(*args)}

        def sample_independent(self, study: Any, trial: Any, name: str, *_: Any) -> Any:
            return setting[name]

    return Replaying()


def _sampler(name: str, number: int) -> BaseSampler:
    """Return Optuna's sampler for one proposal, seeded by the proposal's number."""
    from optuna import samplers

    # NumPy's seeds are below 2^32.
    seed = stream_seed(0, name, number) % 2**32
    random = samplers.RandomSampler(seed=seed)
    if name == "sobol":
        return samplers.QMCSampler(
            qmc_type="sobol",
            scramble=True,
            seed=0,  # all proposals are points of one sequence
            independent_sampler=random,
            warn_independent_sampling=False,
            warn_asynchronous_seeding=False,
        )
    if name == "tpe":
        # multivariate: lr and wd interact. constant_liar: the settings of a batch are proposed
        # before any of them has a value.
        return samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
    if name == "cmaes":
        return samplers.CmaEsSampler(
            seed=seed, independent_sampler=random, warn_independent_sampling=False
        )
    return random
