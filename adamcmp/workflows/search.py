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
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from filelock import FileLock, Timeout

from adamcmp.components.datasets import load_cached
from adamcmp.config import Composer, RunConfig, SearchCell, SearchSpace, Setting, StudyConfig
from adamcmp.errors import ConfigError, StoreError
from adamcmp.execution.execute import ExecutionResult, with_numerics_of
from adamcmp.planning.specs import RunSpec
from adamcmp.platform.files import storage_errors
from adamcmp.storage import reader
from adamcmp.storage.store import Store
from adamcmp.workflows.proposals import Proposals, quiet

Train = Callable[[StudyConfig], ExecutionResult]
#: Settings of a batch where no word says how many.
BATCH = 16


@dataclass(frozen=True)
class Searched(ExecutionResult):
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
        self._space = SearchSpace(composer, words)
        self.config = self._space.study([self._space.evenly_spaced(2) for _ in self._space.cells])
        self._search = self.config.search
        self._check(self.config.runs)
        ends = self._space.evenly_spaced(2)
        if all(len(set(self._space.runs(cell, ends))) == 1 for cell in self._space.cells):
            raise ConfigError(
                f"Nothing to search: {', '.join(self._space.domains)} changes no run of "
                f"{', '.join(dict.fromkeys(run.optimizer.name for run in self.config.runs))}."
            )

    @property
    def objective(self) -> str:
        """The metric that is minimized."""
        run = self.config.runs[0]
        usual = "val_error" if run.dataset.problem_type == "classification" else "val_loss"
        return self._search.objective or usual

    @property
    def combinations(self) -> int:
        """How many runs the whole search is; some may be the same."""
        return len(self._space.cells) * self._n * self._space.seeds_per_setting

    def preview(self) -> StudyConfig:
        """Return a study of as many runs as the search has, to see what they would take."""
        with quiet():
            kept = [self._proposals(cell).settings[: self._n] for cell in self._space.cells]
        return self._space.study(
            [[*own, *self._space.evenly_spaced(self._n - len(own))] for own in kept]
        )

    def run(self, train: Train) -> Searched:
        """Train the search to its end, from where it is.

        Args:
            train: Trains a study's runs that are not there yet, such as `execute`.

        Raises:
            StoreError: When another process searches the same study.
        """
        with _alone(self.config.location.folder), quiet():
            proposals = [self._proposals(cell) for cell in self._space.cells]
            ledger = _Ledger(self.objective)
            whole = self.preview()  # its first batch alone would be too little to compile for
            numerics = with_numerics_of(whole, whole, _print_notice).numerics
            for batch in self._batches(proposals):
                if not any(batch):
                    continue
                done = train(replace(self._space.study(batch), numerics=numerics))
                ledger.add(done)
                if done.in_progress:  # another command trains some of these very runs
                    return ledger.searched(done)
                for cell, own, settings in zip(self._space.cells, proposals, batch, strict=True):
                    own.values += [ledger.value(runs) for runs in self._space.runs(cell, settings)]
            best = tuple(map(self._best, self._space.cells, proposals))
        return replace(ledger.searched(done), best=best)

    def _batches(self, proposals: Sequence[Proposals]) -> Iterator[list[list[Setting]]]:
        """Yield for each cell what is to be trained next, all that is known of at first."""
        yield [own.settings[: self._n] for own in proposals]
        size = self._search.batch or BATCH
        for start in range(0, self._n, size):
            end = min(start + size, self._n)
            yield [own.propose(start, end) for own in proposals]

    def _best(self, cell: SearchCell, proposals: Proposals) -> tuple[str, float]:
        value = min(proposals.values)
        if not math.isfinite(value):
            return " ".join(str(override.input_line) for override in cell.overrides), value
        return self._space.overrides(cell, proposals.settings[proposals.values.index(value)]), value

    def _proposals(self, cell: SearchCell) -> Proposals:
        path = self.config.location.folder / "searches" / f"{cell.name}.json"
        return Proposals(path, str(self._search.sampler), self._space.domains)

    @property
    def _n(self) -> int:
        assert self._search.n is not None
        return self._search.n

    def _check(self, runs: Sequence[RunConfig]) -> None:
        Store(self.config.location.folder).numerics()  # refuses imported runs
        with contextlib.suppress(ImportError):
            import optuna  # noqa: F401

            if not len(load_cached(runs[0].dataset).val):
                raise ConfigError("A search minimizes a validation metric: dataset.validation=0.1.")
            return
        raise ConfigError("sampler= needs Optuna: pip install 'adamcmp[search]'")


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

    def add(self, done: ExecutionResult) -> None:
        """Take in what a batch has come to."""
        self._specs |= {spec.config: spec for spec in done.specs}
        self._trained += done.trained
        self._failed += done.failed
        rows = reader.read_runs(done.folder, ["run_id", self.objective]).to_pylist()
        self._values = {row["run_id"]: row[self.objective] for row in rows}

    def value(self, runs: Sequence[RunConfig]) -> float:
        """Return what a setting is worth: the mean of its runs, infinite if one went wrong."""
        found = [self._values.get(self._specs[run].run_id) for run in runs]
        finite = [value for value in found if value is not None and math.isfinite(value)]
        return sum(finite) / len(finite) if len(finite) == len(found) else math.inf

    def searched(self, last: ExecutionResult) -> Searched:
        """Return what has become of all batches, `last` being the latest."""
        return Searched(
            last.folder,
            tuple({spec.run_id: spec for spec in self._specs.values()}.values()),
            tuple(dict.fromkeys(self._trained)),
            tuple(dict.fromkeys(self._failed)),
            last.in_progress,
        )


def _print_notice(text: str) -> None:
    print(f"adamcmp: {text}", file=sys.stderr)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a study's search; of two at once neither would know the other's settings."""
    with storage_errors(folder):
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
