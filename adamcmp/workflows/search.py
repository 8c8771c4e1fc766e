"""Search ranges: Optuna proposes settings in batches, which are trained at once as lanes.

Each choice of config groups, such as each optimizer, is a *branch* with a separate search, so that
all branches try equally many settings. The settings that a branch has tried are stored in the
study's folder in ``searches/NAME.json``. NAME is derived from the branch's overrides, except ``n=``
and seeds, like the name of a study.

The same overrides continue a search, even after ``kill -9`` at any moment, and give the same
proposals as an uninterrupted search. Other overrides (another range, sampler, objective or number
of steps) define another search. More seeds train the same settings on more seeds. The value of a
setting is never stored: it is computed from the stored runs, as the mean of the objective over the
requested seeds, and is infinite if one of them diverged or failed.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from adamcmp.config import Composer, RunConfig, SearchBranch, SearchSpace, Setting, StudyConfig
from adamcmp.errors import ConfigError, StoreError
from adamcmp.execution.execute import ExecutionResult, study_numerics
from adamcmp.execution.worker_processes import WorkerProcesses
from adamcmp.planning.specs import RunSpec
from adamcmp.platform.files import storage_errors
from adamcmp.storage import reader
from adamcmp.storage.files import Files
from adamcmp.storage.locations import files_at
from adamcmp.storage.rows import RunRow
from adamcmp.storage.store import Store
from adamcmp.workflows.proposals import Proposals, quiet
from adamcmp.workflows.training import BestSetting, SweepResult, TrainingOptions, train_observed

Train = Callable[[StudyConfig], ExecutionResult]
#: Settings per batch unless ``batch=`` is set.
BATCH = 16


class RangeSearch:
    """A search that has been composed and checked.

    Args:
        composer: Composes settings.
        overrides: The overrides of a command line.

    Attributes:
        config: A configuration with two settings of each branch.

    Raises:
        ConfigError: If an override is invalid, nothing is searched, or Optuna is not installed.
    """

    def __init__(self, composer: Composer, overrides: Sequence[str]) -> None:
        self._space = SearchSpace(composer, overrides)
        # Both ends of all ranges are composed, so that an invalid value is found before training.
        branches = self._space.branches
        ends = [branch.evenly_spaced(2) for branch in branches]
        self.config = self._space.study(ends)
        self._search = self.config.search
        self._check(self.config.runs)
        # If both ends give the same run, the searched settings have no effect.
        if all(len(set(self._space.runs(*pair))) == 1 for pair in zip(branches, ends, strict=True)):
            raise ConfigError(
                f"Nothing to search: {', '.join(branches[0].domains)} changes no run of "
                f"{', '.join(dict.fromkeys(run.optimizer.name for run in self.config.runs))}."
            )

    @property
    def objective(self) -> str:
        """The metric to minimize."""
        return self._search.objective or f"val_{self.config.runs[0].measure}"

    @property
    def combinations(self) -> int:
        """Number of runs of the whole search, some of which may be the same."""
        return len(self._space.branches) * self._n * self._space.seeds_per_setting

    def preview(self) -> StudyConfig:
        """Return the runs of the whole search, for planning.

        Settings that have not been proposed yet are replaced by settings spaced over the ranges.
        """
        with quiet():
            stored = [proposals.settings[: self._n] for proposals in self._all_proposals()]
        return self._space.study(
            [
                [*tried, *branch.evenly_spaced(self._n - len(tried))]
                for branch, tried in zip(self._space.branches, stored, strict=True)
            ]
        )

    def train(self, options: TrainingOptions) -> SweepResult:
        """Train the search to its end, continuing a stored search.

        Args:
            options: How to train.

        Raises:
            StoreError: If another process is searching the same study.
            Interrupted: If a signal ended training; the finished work is stored.
        """
        with WorkerProcesses() as workers, options.display(self.combinations, True) as observer:
            for notice in self.config.notices:
                observer.on_notice(notice)
            return self.train_batches(
                lambda config: train_observed(config, options, observer, workers),
                options.on_notice,
            )

    def train_batches(self, train: Train, on_notice: Callable[[str], None]) -> SweepResult:
        """Train the search batch by batch, with a function that trains one batch.

        Args:
            train: Trains those runs of a batch that do not exist yet.
            on_notice: Called with notices about the whole search, such as a missing compiler.
        """
        with _exclusive(files_at(self.config.location.folder)), quiet():
            proposals = self._all_proposals()
            record = _Record(self.objective)
            # The whole search decides the engine: its first batch is seldom worth a compilation.
            numerics = study_numerics(self.preview(), on_notice)
            later_runs = self.combinations
            for batch in self._batches(proposals):
                if not any(batch):
                    continue
                later_runs -= sum(map(len, batch)) * self._space.seeds_per_setting
                config = replace(self._space.study(batch), numerics=numerics)
                executed = train(replace(config, later_runs=later_runs))
                record.add(executed)
                if executed.in_progress:  # the values of this batch are unknown
                    return record.result(executed, ())
                branches = zip(self._space.branches, proposals, batch, strict=True)
                for branch, tried, settings in branches:
                    runs = self._space.runs(branch, settings)
                    tried.values += [record.value(seeds) for seeds in runs]
            best = tuple(map(self._best, self._space.branches, proposals))
        return record.result(executed, best)

    def _batches(self, proposals: Sequence[Proposals]) -> Iterator[list[list[Setting]]]:
        """Yield the settings of each branch to train next: first all stored ones, then new ones."""
        yield [tried.settings[: self._n] for tried in proposals]
        size = self._search.batch or BATCH
        for start in range(0, self._n, size):
            end = min(start + size, self._n)
            yield [tried.propose(start, end) for tried in proposals]

    def _best(self, branch: SearchBranch, proposals: Proposals) -> BestSetting:
        value = min(proposals.values)
        if not math.isfinite(value):
            return BestSetting(tuple(str(o.input_line) for o in branch.overrides), value)
        setting = proposals.settings[proposals.values.index(value)]
        return BestSetting(self._space.overrides(branch, setting), value)

    def _all_proposals(self) -> list[Proposals]:
        """Return the proposals of each branch, read from the study's folder."""
        files, sampler = files_at(self.config.location.folder), str(self._search.sampler)
        return [
            Proposals(files, f"searches/{branch.name}.json", sampler, branch.domains)
            for branch in self._space.branches
        ]

    @property
    def _n(self) -> int:
        """Settings per branch."""
        assert self._search.n is not None
        return self._search.n

    def _check(self, runs: Sequence[RunConfig]) -> None:
        Store(self.config.location.folder).numerics()  # raises for a study of imported runs
        try:
            import optuna  # noqa: F401
        except ImportError:
            raise ConfigError("sampler= needs Optuna: pip install 'adamcmp[search]'") from None
        if not len(runs[0].data().val):
            raise ConfigError("A search minimizes a validation metric: set dataset.validation=0.1.")


@dataclass
class _Record:
    """The runs of a search's batches and their values.

    Attributes:
        objective: The metric to minimize.
    """

    objective: str
    _specs: dict[RunConfig, RunSpec] = field(default_factory=dict)
    _trained: list[str] = field(default_factory=list)
    _outcomes: dict[str, RunRow] = field(default_factory=dict)
    _values: dict[str, float | None] = field(default_factory=dict)

    def add(self, executed: ExecutionResult) -> None:
        """Add the runs of a batch, and read the values of all stored runs."""
        self._specs |= {spec.config: spec for spec in executed.specs}
        self._trained += executed.trained
        self._outcomes |= executed.outcomes
        rows = reader.read_final_rows(executed.folder, [self.objective])
        self._values = {run_id: row[self.objective] for run_id, row in rows.items()}

    def value(self, runs: Sequence[RunConfig]) -> float:
        """Return the mean objective of a setting's runs; infinite if one diverged or failed."""
        values = [self._values.get(self._specs[run].run_id) for run in runs]
        finite = [value for value in values if value is not None and math.isfinite(value)]
        return sum(finite) / len(finite) if len(finite) == len(values) else math.inf

    def result(self, last: ExecutionResult, best: tuple[BestSetting, ...]) -> SweepResult:
        """Return the result of all batches, given the execution of the last one."""
        all_batches = replace(
            last,
            specs=tuple({spec.run_id: spec for spec in self._specs.values()}.values()),
            trained=tuple(dict.fromkeys(self._trained)),
            outcomes=self._outcomes,
        )
        return replace(SweepResult.of(all_batches), objective=self.objective, best=best)


@contextlib.contextmanager
def _exclusive(files: Files) -> Iterator[None]:
    """Hold the search lock of a study, because concurrent searches would not share settings."""
    with contextlib.ExitStack() as stack:
        with storage_errors(files.address):
            try:
                stack.enter_context(files.lock(0.0, ".search.lock"))
            except TimeoutError:
                raise StoreError(
                    f"{files.address} is being searched by another process. Repeat the command "
                    f"when it has ended."
                ) from None
        yield
