"""The whole pipeline on one page: config → plan → pending → groups → train → store."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from adamcmp.config import Numerics, StudyConfig
from adamcmp.errors import ConfigError
from adamcmp.execution.executors import Executor, Pool, Serial
from adamcmp.execution.forecast import forecast, preview_forecast
from adamcmp.execution.reservations import ProcessStatus, claim, process_statuses
from adamcmp.execution.scheduler import Dispatch, signals
from adamcmp.planning.grouping import LaneGroup, grouped
from adamcmp.planning.planner import Forecast, kinds, lacks_compiler, learn, no_compiler, settled
from adamcmp.planning.specs import RunSpec, plan
from adamcmp.platform.cache import cache_folder
from adamcmp.platform.provenance import available_cores, cuda_available, hardware, software
from adamcmp.storage.store import Store
from adamcmp.tracking.mirror import Mirror, mirroring
from adamcmp.training.outcome import Outcome

if TYPE_CHECKING:
    from adamcmp.training.outcome import TrainingProgress


Planned = Callable[[tuple[RunSpec, ...], tuple[LaneGroup, ...], Forecast | None], None]


@dataclass(frozen=True)
class Watcher:
    """What a command line shows while a study is trained; all of it may stay silent.

    Attributes:
        planned: Called once with the runs asked, each once, the groups that are to train, and how
            long they take.
        notice: Called with what a person should know.
        progress: Called with a group and where it is, as its training goes on.
        finished: Called with each group and its outcome, after it is stored.
    """

    planned: Planned = lambda specs, groups, forecast: None
    notice: Callable[[str], None] = lambda text: None
    progress: Callable[[LaneGroup, TrainingProgress], None] = lambda group, progress: None
    finished: Callable[[LaneGroup, Outcome], None] = lambda group, outcome: None


@dataclass(frozen=True)
class Executed:
    """What became of a command.

    Attributes:
        folder: The study's folder.
        specs: Its runs, each once.
        trained: Those that were trained now.
        failed: Those that crashed, now or before.
        elsewhere: Those that another process is training, and how far that one is.
    """

    folder: Path
    specs: tuple[RunSpec, ...]
    trained: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    elsewhere: Mapping[str, ProcessStatus] = field(default_factory=dict)

    @property
    def standing(self) -> str:
        """Who trains what this command did not, in a person's words."""
        other = next(iter(self.elsewhere.values()))
        return (
            f"{len(self.elsewhere)} of {len(self.specs)} runs are being trained by process "
            f"{other.pid} on {other.host} ({other.done} of its {other.runs} are done; `adamcmp ls "
            f"{self.folder.name}` shows more). The same words go on when it has ended."
        )


class Workers:
    """What trains: worker processes, started when first needed and kept for what comes next."""

    def __init__(self) -> None:
        self._pool: Pool | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def executor(
        self,
        config: StudyConfig,
        numerics: Numerics,
        runs: int,
        interrupted: Callable[[], int | None],
    ) -> Executor:
        """Return what trains some runs; for one run, that is this process itself."""
        count = min(_workers(config, numerics), runs)
        if count == 0 or (runs == 1 and self._pool is None):
            return Serial(interrupted)
        if self._pool is None or self._pool.workers < count:
            self._close()
            cache_folder()  # settled before they start, so that all have the same
            self._pool = Pool(count, numerics.threads or 1, "adamcmp.training.loop")
        return self._pool

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.close()


def execute(
    config: StudyConfig,
    watcher: Watcher | None = None,
    *,
    force: bool = False,
    retry_failed: bool = False,
    workers: Workers | None = None,
) -> Executed:
    """Train those of a study's runs that are not in its folder yet.

    Args:
        config: What was asked.
        watcher: What to tell as it goes on.
        force: Train runs anew that are there already.
        retry_failed: Train runs anew that crashed.
        workers: What trains; None starts it anew.

    Raises:
        AdamcmpError: When something asked for cannot be trained; nothing has been written then.
        Interrupted: When a signal came; what was done by then is stored.
    """
    config.logger.check()
    with mirroring(config.logger, config.place.folder) as mirror:
        told = _mirrored(watcher or Watcher(), mirror)
        return _execute(config, told, force, retry_failed, workers)


def _mirrored(watcher: Watcher, mirror: Mirror | None) -> Watcher:
    """Return a watcher that a tracker's mirror hears of runs by, too."""
    if mirror is None:
        return watcher

    def planned(
        specs: tuple[RunSpec, ...], groups: tuple[LaneGroup, ...], found: Forecast | None
    ) -> None:
        mirror.asked(specs)
        watcher.planned(specs, groups, found)

    def finished(group: LaneGroup, outcome: Outcome) -> None:
        watcher.finished(group, outcome)
        mirror.stored()

    return replace(watcher, planned=planned, finished=finished)


def _execute(
    config: StudyConfig, watcher: Watcher, force: bool, retry_failed: bool, workers: Workers | None
) -> Executed:
    store = Store(config.place.folder)
    numerics, specs, left, there = _asked(config, store, force, retry_failed)
    if not left:
        store.remove_finished_checkpoints(there)
        process_statuses(store.folder)  # clears what a killed process left
        watcher.planned(specs, (), None)
        return Executed(store.folder, specs, failed=_failed(specs, there))
    with signals() as interrupted, _kept(workers) as kept:
        executor = kept.executor(config, numerics, len(left), interrupted)
        found = forecast(executor, left, numerics, interrupted, watcher.notice)
        if notice := _notice(config, store, numerics):
            watcher.notice(notice)
        with claim(store.folder, [spec.run_id for spec in left]) as ours:
            # Another process may have ended some of them since.
            *_, left, there = _asked(config, store, force, retry_failed)
            mine = [spec for spec in left if spec.run_id in ours.run_ids]
            store.remove_finished_checkpoints(there)
            groups = found.longest_first(grouped(mine, store.checkpoints(), found.width))
            about = {"flags": list(config.flags), **software()}
            about |= {"hardware": hardware(numerics.device), "runs": len(specs)}
            store.open_for_training(numerics, config.words, about, ours.alone)
            watcher.planned(specs, groups, found)
            every = config.execution.checkpoint_every
            told = (watcher.progress, _learning(found, numerics, watcher.finished))
            last = (interrupted, watcher.notice)
            Dispatch(executor, store, ours, every, *told, *last).run(groups)
    trained = tuple(spec.run_id for spec in mine)
    there = store.statuses()
    store.remove_finished_checkpoints(there)
    now = {other.pid: other for other in process_statuses(store.folder)}
    others = {run: now.get(other.pid, other) for run, other in ours.others.items()}
    elsewhere = {run: other for run, other in others.items() if run not in there}
    return Executed(store.folder, specs, trained, _failed(specs, there), elsewhere)


def _learning(
    found: Forecast, numerics: Numerics, finished: Callable[[LaneGroup, Outcome], None]
) -> Callable[[LaneGroup, Outcome], None]:
    """Return what is called with each group that ends: what was foreseen is compared first."""

    def both(group: LaneGroup, outcome: Outcome) -> None:
        learn(found, group, outcome, numerics)
        finished(group, outcome)

    return both


@dataclass(frozen=True)
class Preview:
    """What a command would do.

    Attributes:
        folder: The study's folder.
        numerics: How numbers would be computed.
        specs: The runs asked, each once.
        left: Those that would be trained.
        groups: What they would be trained in.
        forecast: How long each would take.
        compiles: Whether a step has still to be compiled, so that its speed is the slower, eager
            one's.
        notice: What there is to say about how it would be trained, if anything.
    """

    folder: Path
    numerics: Numerics
    specs: tuple[RunSpec, ...]
    left: tuple[RunSpec, ...]
    groups: tuple[LaneGroup, ...]
    forecast: Forecast
    compiles: bool
    notice: str | None


def preview(
    config: StudyConfig, executor: Executor, *, force: bool = False, retry_failed: bool = False
) -> Preview:
    """Return what `execute` would do, without doing any of it.

    Args:
        config: What was asked.
        executor: Measures kinds of runs whose speed is not known yet.
        force: As for `execute`.
        retry_failed: As for `execute`.

    Raises:
        AdamcmpError: When something asked for cannot be trained.
    """
    config.logger.check()
    store = Store(config.place.folder)
    numerics, specs, left, _ = _asked(config, store, force, retry_failed)
    workers = max(min(_workers(config, numerics), len(left)), 1)
    found, compiles = preview_forecast(executor, left, numerics, workers)
    groups = grouped(left, store.checkpoints(), found.width)
    notice = _notice(config, store, numerics)
    return Preview(store.folder, numerics, specs, left, groups, found, compiles, notice)


class _Asked(NamedTuple):
    numerics: Numerics
    specs: tuple[RunSpec, ...]
    left: tuple[RunSpec, ...]
    there: Mapping[str, str]


def decided(config: StudyConfig, whole: StudyConfig) -> StudyConfig:
    """Return a part of a study, to be computed as the whole's work decides.

    Args:
        config: What is trained first.
        whole: All that is to be trained.

    Raises:
        AdamcmpError: When what is asked for contradicts the study that is there.
    """
    store = Store(config.place.folder)
    numerics = _numerics(whole, store)
    if notice := _notice(whole, store, numerics):
        print(f"adamcmp: {notice}", file=sys.stderr)
    return replace(config, numerics=numerics)


def _notice(config: StudyConfig, store: Store, numerics: Numerics) -> str | None:
    """Return what to say where a new study is eager only for want of a compiler."""
    if store.numerics() is None and lacks_compiler(config.numerics, numerics, kinds(config.runs)):
        return no_compiler(numerics.device)
    return None


def _numerics(config: StudyConfig, store: Store) -> Numerics:
    new = store.numerics() or settled(config.numerics, kinds(config.runs).values())
    return store.resolve_numerics(config.numerics, new)


def _asked(config: StudyConfig, store: Store, force: bool, retry_failed: bool) -> _Asked:
    """Return how a study's numbers are computed, its runs, those left, and all there are."""
    numerics = _numerics(config, store)
    if numerics.device == "cuda" and not cuda_available():
        raise ConfigError("device=cuda: torch finds no CUDA GPU here. Use device=cpu.")
    specs = plan(config, numerics)
    there = store.statuses()
    ended = ("done", "diverged") if retry_failed else ("done", "diverged", "failed")
    left = tuple(spec for spec in specs if force or there.get(spec.run_id) not in ended)
    return _Asked(numerics, specs, left, there)


def _kept(workers: Workers | None) -> AbstractContextManager[Workers]:
    return Workers() if workers is None else nullcontext(workers)


def _workers(config: StudyConfig, numerics: Numerics) -> int:
    """Return how many processes train at once; 0 for this process alone."""
    if config.execution.workers is not None:
        return config.execution.workers
    if numerics.device == "cuda":
        return 1
    return max(available_cores() // (numerics.threads or 1), 1)


def _failed(specs: Sequence[RunSpec], there: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(spec.run_id for spec in specs if there.get(spec.run_id) == "failed")
