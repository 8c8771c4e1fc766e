"""What a search tries: Optuna proposes settings in batches, and a file keeps them.

The file holds settings alone. What they are worth is read from the store whenever a command
starts, so that more seeds, or a run trained anew, count. Optuna's study lives in memory: a command
that goes on with a search goes through it again, with the kept settings in the place of new ones,
and so brings the samplers to where they were.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adamcmp.config import SearchRange, Setting
from adamcmp.errors import StoreError
from adamcmp.platform.files import storage_errors, write_atomically
from adamcmp.platform.random_streams import stream_seed

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

#: Samplers that keep what they need from one proposal to the next in Optuna's study.
_STATEFUL = ("sobol", "cmaes")


class Proposals:
    """The settings of one search, in the order proposed; to be used within `quiet`.

    Args:
        path: The file that keeps them.
        sampler: Name of what proposes them; see `adamcmp.config.Search`.
        space: What is searched, by key: an interval, or the texts of a list of values.

    Attributes:
        settings: Those proposed so far.
        values: What is minimized, for those of them that are trained; infinite for the worst.

    Raises:
        StoreError: When the file does not hold settings of this space.
    """

    def __init__(
        self, path: Path, sampler: str, space: Mapping[str, SearchRange | Sequence[str]]
    ) -> None:
        import optuna

        self._path, self._sampler = path, sampler
        # Sorted, so that the order in which words are typed changes no proposal.
        self._distributions = {key: _distribution(space[key]) for key in sorted(space)}
        self.settings = _read(path, self._distributions)
        self.values: list[float] = []
        self._study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        self._told = 0

    def propose(self, start: int, end: int) -> list[Setting]:
        """Propose the settings of a batch, knowing the values of those before it.

        Args:
            start: Number of its first setting; `values` holds those before it.
            end: Number behind its last.

        Returns:
            Those that the file did not hold yet; it does now.
        """
        for value in self.values[self._told : start]:
            self._study.tell(self._told, value)
            self._told += 1
        there = len(self.settings)
        for number in range(start, end):
            kept = self.settings[number] if number < there else None
            setting = self._ask(number, kept)
            if kept is None:
                self.settings.append(setting)
        if len(self.settings) > there:
            self._write()
        return self.settings[max(start, there) : end]

    def _ask(self, number: int, kept: Setting | None) -> Setting:
        """Have Optuna propose one setting; with `kept` it takes that as its own proposal."""
        stateful = kept is None or self._sampler in _STATEFUL
        sampler = _sampler(self._sampler if stateful else "random", number)
        self._study.sampler = sampler if kept is None else _replaying(sampler, kept)
        self._study.ask(self._distributions)
        return dict(self._study.get_trials(deepcopy=False)[number].params)

    def _write(self) -> None:
        lines = ",\n".join(json.dumps(setting) for setting in self.settings)
        with storage_errors(self._path.parent):
            self._path.parent.mkdir(exist_ok=True)
            for left in self._path.parent.glob(".tmp-*"):  # by a process that was killed
                left.unlink()
            write_atomically(self._path, f"[\n{lines}\n]\n".encode())


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna's log, and its warnings about what is experimental in it, off the terminal."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def _read(path: Path, distributions: dict[str, BaseDistribution]) -> list[Setting]:
    from optuna.trial import create_trial

    try:
        found: list[Setting] = json.loads(path.read_bytes())
        for setting in found:  # Optuna's own check that a setting lies in the space
            create_trial(params=setting, distributions=distributions, value=0.0)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"Cannot read {path}: {error.strerror or error}.") from None
    except (ValueError, TypeError, AttributeError):
        raise StoreError(
            f"{path} is damaged: it does not hold the settings of this search. Without that file "
            f"the search starts anew; runs that it proposes again are not trained again."
        ) from None
    return found


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


def _replaying(sampler: BaseSampler, kept: Setting) -> BaseSampler:
    """Return a sampler that proposes what is kept, after another has gone through its motions."""
    from optuna.samplers import BaseSampler

    class Replaying(BaseSampler):
        def infer_relative_search_space(self, *asked: Any) -> dict[str, BaseDistribution]:
            return sampler.infer_relative_search_space(*asked)

        def sample_relative(self, *asked: Any) -> dict[str, Any]:
            return {key: kept[key] for key in sampler.sample_relative(*asked)}

        def sample_independent(self, study: Any, trial: Any, name: str, *_: Any) -> Any:
            return kept[name]

    return Replaying()


def _sampler(name: str, number: int) -> BaseSampler:
    """Return Optuna's sampler for one proposal, seeded by the proposal's number."""
    from optuna import samplers

    seed = stream_seed(0, name, number) % 2**32
    rest = samplers.RandomSampler(seed=seed)
    if name == "sobol":
        return samplers.QMCSampler(
            qmc_type="sobol",
            scramble=True,
            seed=0,  # all proposals are of one sequence
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
