"""Searching ranges: Optuna proposes settings in whole batches, lanes train them side by side.

Each choice of config groups (each optimizer, say) is a *cell* with a search of its own, so that
all get equally many settings. What a cell has tried is kept beside the results, in
``searches/NAME.json``, NAME being made of its words like a study's name: all of them but ``n=`` and
seeds. The same words go on with it, after ``kill -9`` at any moment too, and propose what they
would have proposed; other words (another range, sampler, objective or number of steps) are another
search. More seeds train the same settings on more seeds. What a setting is worth is never kept: it
is the mean over the asked seeds in the store, infinite where one diverged or failed.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

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
    value_text,
)
from adamcmp.datasets import load
from adamcmp.errors import ConfigError, StoreError
from adamcmp.files import clear_errors
from adamcmp.plan import RunSpec
from adamcmp.proposals import Proposals, Setting, quiet
from adamcmp.study import Executed

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

Train = Callable[[StudyConfig], Executed]
#: Settings of a batch where no word says how many.
BATCH = 16


@dataclass(frozen=True)
class Cell:
    """One search.

    Attributes:
        words: The words that chose its config groups; none where none were varied.
        fixed: All words of one value, these among them.
        searched: Its intervals, and lists of values that are searched like them.
    """

    words: tuple[Override, ...]
    fixed: tuple[Override, ...]
    searched: tuple[Override | Axis, ...]

    @property
    def name(self) -> str:
        """A readable name, the same for the same words but for seeds and ``n=``."""
        return study_name(Space((*self.fixed, *self.searched)))


@dataclass(frozen=True)
class Searched(Executed):
    """What became of a search.

    Attributes:
        best: For each cell the words that train its best setting, and what that is worth; the
            cell's own words and infinity where all settings diverged or failed.
    """

    best: tuple[tuple[str, float], ...] = ()


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
        self._space = composer.space(words)
        self._name = study_name(self._space)
        self._intervals = self._space.ranges
        chosen, searched, seeds = _sorted(self._space)
        self._choices = {",".join(axis.keys): _choices(axis) for axis in searched}
        if not self._intervals and not self._choices:
            raise ConfigError(
                "A search needs something to search, such as 'lr=tag(log,interval(1e-4,1e-1))'."
            )
        self.cells = [
            Cell(own, (*own, *self._space.fixed), (*self._space.intervals, *searched))
            for own in map(_flat, itertools.product(*(axis.points for axis in chosen)))
        ]
        self._seeds = tuple(seeds)
        self.config = self._together([self._spread(2) for _ in self.cells])
        self._search = self.config.search
        self._check(self.config.runs)

    @property
    def objective(self) -> str:
        """The metric that is minimized."""
        run = self.config.runs[0]
        usual = "val_error" if run.dataset.kind == "classification" else "val_loss"
        return self._search.objective or usual

    @property
    def combinations(self) -> int:
        """How many runs the whole search is; some may be the same."""
        return len(self.cells) * self._n * self._runs_each

    def preview(self) -> StudyConfig:
        """Return a study of as many runs as the search has, to see what they would take."""
        with quiet():
            kept = [self._proposals(cell).settings[: self._n] for cell in self.cells]
        return self._together([[*own, *self._spread(self._n - len(own))] for own in kept])

    def run(self, train: Train) -> Searched:
        """Train the search to its end, from where it is.

        Args:
            train: Trains a study's runs that are not there yet, such as `execute`.

        Raises:
            StoreError: When another process searches the same study.
        """
        with _alone(self.config.place.folder), quiet():
            proposals = [self._proposals(cell) for cell in self.cells]
            ledger = _Ledger(self.objective)
            for batch in self._batches(proposals):
                if not any(batch):
                    continue
                done = train(self._together(batch))
                ledger.add(done)
                if done.elsewhere:  # another command trains some of these very runs
                    return ledger.searched(done)
                for cell, own, settings in zip(self.cells, proposals, batch, strict=True):
                    own.values += [ledger.value(runs) for runs in self._runs(cell, settings)]
            best = tuple(map(self._best, self.cells, proposals))
        return replace(ledger.searched(done), best=best)

    def _batches(self, proposals: Sequence[Proposals]) -> Iterator[list[list[Setting]]]:
        """Yield for each cell what is to be trained next, all that is known of at first."""
        yield [own.settings[: self._n] for own in proposals]
        size = self._search.batch or BATCH
        for start in range(0, self._n, size):
            end = min(start + size, self._n)
            yield [own.propose(start, end) for own in proposals]

    def _best(self, cell: Cell, proposals: Proposals) -> tuple[str, float]:
        """Return the words that train a cell's best setting, and its value.

        Where no setting has a value, the words are the cell's.
        """
        value, setting = min(
            zip(proposals.values, proposals.settings, strict=False), key=lambda pair: pair[0]
        )
        run = self._config(cell, [setting]).runs[0]
        words = self._overrides(setting) if math.isfinite(value) else ()
        if run.optimizer.coupling == "none":
            words = tuple(o for o in words if o.get_key_element() != "optimizer.weight_decay")
        return " ".join(typed(str(o.input_line)) for o in (*cell.words, *words)), value

    def _proposals(self, cell: Cell) -> Proposals:
        space: dict[str, Interval | list[str]] = {**self._intervals}
        space |= {key: list(texts) for key, texts in self._choices.items()}
        path = self.config.place.folder / "searches" / f"{cell.name}.json"
        return Proposals(path, str(self._search.sampler), space)

    def _spread(self, count: int) -> list[Setting]:
        """Return settings spread over the ranges, from end to end."""
        shares = [i / max(count - 1, 1) for i in range(count)]
        first = {key: next(iter(texts)) for key, texts in self._choices.items()}
        return [
            {**{key: interval.at(share) for key, interval in self._intervals.items()}, **first}
            for share in shares
        ]

    @property
    def _n(self) -> int:
        assert self._search.n is not None
        return self._search.n

    @property
    def _runs_each(self) -> int:
        """How many runs a setting is."""
        return math.prod(len(axis.points) for axis in self._seeds)

    def _check(self, runs: Sequence[RunConfig]) -> None:
        with contextlib.suppress(ImportError):
            import optuna  # noqa: F401

            if not len(load(runs[0].dataset).val):
                raise ConfigError("A search minimizes a validation metric: dataset.validation=0.1.")
            return
        raise ConfigError("sampler= needs Optuna: pip install 'adamcmp[search]'")

    def _together(self, batch: Sequence[Sequence[Setting]]) -> StudyConfig:
        """Return the runs of settings, given for each cell."""
        pairs = zip(self.cells, batch, strict=True)
        configs = [self._config(cell, settings) for cell, settings in pairs if settings]
        return replace(configs[0], runs=tuple(run for config in configs for run in config.runs))

    def _runs(self, cell: Cell, settings: Sequence[Setting]) -> list[tuple[RunConfig, ...]]:
        """Return the runs of each setting of a cell: one a seed."""
        runs = self._config(cell, settings).runs if settings else ()
        return [runs[i : i + self._runs_each] for i in range(0, len(runs), self._runs_each)]

    def _config(self, cell: Cell, settings: Sequence[Setting]) -> StudyConfig:
        """Return settings of a cell as a study: each setting's seeds one after the other."""
        points = tuple(self._overrides(setting) for setting in settings)
        axis = Axis(tuple(override.get_key_element() for override in points[0]), points)
        space = Space((*cell.fixed, axis, *self._seeds))
        return self._composer.study(space, self._words, self._name, part=True)

    def _overrides(self, setting: Setting) -> tuple[Override, ...]:
        """Return the words that make a setting; for paired keys there are several."""
        return _flat(
            self._choices[key][value]
            if key in self._choices
            else (self._composer.override(f"{key}={_readable(value)}"),)
            for key, value in setting.items()
        )


@dataclass
class _Ledger:
    """What a search's batches have come to.

    Attributes:
        objective: The metric that settings are judged by.
    """

    objective: str
    _specs: dict[RunConfig, RunSpec] = field(default_factory=dict)
    _trained: list[str] = field(default_factory=list)
    _failed: list[str] = field(default_factory=list)
    _values: dict[str, float | None] = field(default_factory=dict)

    def add(self, done: Executed) -> None:
        """Take in what a batch has come to."""
        self._specs |= {spec.config: spec for spec in done.specs}
        self._trained += done.trained
        self._failed += done.failed
        rows = frame.runs_table(done.folder, ["run_id", self.objective]).to_pylist()
        self._values = {row["run_id"]: row[self.objective] for row in rows}

    def value(self, runs: Sequence[RunConfig]) -> float:
        """Return what a setting is worth: the mean of its runs, infinite if one went wrong."""
        found = [self._values.get(self._specs[run].run_id) for run in runs]
        finite = [value for value in found if value is not None and math.isfinite(value)]
        return sum(finite) / len(finite) if len(finite) == len(found) else math.inf

    def searched(self, last: Executed) -> Searched:
        """Return what has become of all batches, `last` being the latest."""
        return Searched(
            last.folder,
            tuple({spec.run_id: spec for spec in self._specs.values()}.values()),
            tuple(dict.fromkeys(self._trained)),
            tuple(dict.fromkeys(self._failed)),
            last.elsewhere,
        )


def _readable(value: float) -> float:
    return short(value) if isinstance(value, float) else value


def _choices(axis: Axis) -> dict[str, tuple[Override, ...]]:
    """Return a list of values by their texts, which are the same however they are typed."""
    points = {":".join(map(value_text, point)): point for point in axis.points}
    return dict(sorted(points.items()))


def _sorted(space: Space) -> tuple[list[Axis], list[Axis], list[Axis]]:
    """Return axes that choose config groups, those that are searched, and seeds."""
    chosen, searched, seeds = [], [], []
    for axis in space.axes:
        if any(key in ROOMS for key in axis.keys):
            chosen.append(axis)
        elif axis.keys == ("seed",):
            seeds.append(axis)
        else:
            searched.append(axis)
    return chosen, searched, seeds


def _flat(points: Iterable[tuple[Override, ...]]) -> tuple[Override, ...]:
    return tuple(override for point in points for override in point)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a study's search; of two at once neither would know the other's settings."""
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
