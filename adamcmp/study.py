"""The whole pipeline on one page: config → plan → pending → groups → train → store."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adamcmp import frame
from adamcmp.claims import Standing, claim, standings
from adamcmp.config import Composer, Numerics, StudyConfig
from adamcmp.dispatch import Dispatch, signals
from adamcmp.errors import Interrupted, RunFailed
from adamcmp.executors import Executor, Lost, Pool, Serial
from adamcmp.grouping import LaneGroup, Survey, grouped, structure
from adamcmp.plan import RunSpec, plan
from adamcmp.provenance import cpp_compiler, hardware, software
from adamcmp.store import Store
from adamcmp.types import Outcome

if TYPE_CHECKING:
    import pandas as pd

    from adamcmp.training import Progress


@dataclass(frozen=True)
class Study:
    """A study on disk.

    Attributes:
        folder: Where it is.
    """

    folder: Path

    @property
    def name(self) -> str:
        """The study's name."""
        return self.folder.name

    @property
    def runs(self) -> pd.DataFrame:
        """One row a run; columns as DESIGN and the README name them."""
        return self._tables[0]

    @property
    def metrics(self) -> pd.DataFrame:
        """One row per run and evaluation."""
        return self._tables[1]

    @cached_property
    def _tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return frame.load(self.folder)


Planned = Callable[[tuple[RunSpec, ...], tuple[LaneGroup, ...]], None]


@dataclass(frozen=True)
class Watcher:
    """What a command line shows while a study is trained; all of it may stay silent.

    Attributes:
        planned: Called once with the runs asked, each once, and the groups that are to train.
        progress: Called with a group and where it is, as its training goes on.
        finished: Called with each group and its outcome, after it is stored.
    """

    planned: Planned = lambda specs, groups: None
    progress: Callable[[LaneGroup, Progress], None] = lambda group, progress: None
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
    elsewhere: Mapping[str, Standing] = field(default_factory=dict)


def execute(
    config: StudyConfig,
    watcher: Watcher | None = None,
    *,
    force: bool = False,
    retry_failed: bool = False,
) -> Executed:
    """Train those of a study's runs that are not in its folder yet.

    Args:
        config: What was asked.
        watcher: What to tell as it goes on.
        force: Train runs anew that are there already.
        retry_failed: Train runs anew that crashed.

    Raises:
        AdamcmpError: When something asked for cannot be trained; nothing has been written then.
        Interrupted: When a signal came; what was done by then is stored.
    """
    watcher = watcher or Watcher()
    store = Store(config.place.folder)
    finished = () if force else ("done", "diverged") + (() if retry_failed else ("failed",))
    numerics = store.settle(config.numerics, PROVISIONAL)
    specs = plan(config, numerics)
    there = store.statuses()
    left = [spec for spec in specs if there.get(spec.run_id) not in finished]
    if not left:
        store.discard(there)
        standings(store.folder)  # clears what a killed process left
        watcher.planned(specs, ())
        return Executed(store.folder, specs, failed=_failed(specs, there))
    with signals() as interrupted, _executor(config, len(left), interrupted) as executor:
        kinds = _survey(executor, left, interrupted)
        if store.numerics() is None:
            numerics = store.settle(config.numerics, _numerics(kinds, left))
            specs = plan(config, numerics)
            left = list(specs)
        with claim(store.folder, [spec.run_id for spec in left]) as ours:
            there = store.statuses()
            mine = [s for s in left if s.run_id in ours.run_ids]
            mine = [s for s in mine if there.get(s.run_id) not in finished]
            store.discard(there)
            groups = grouped(mine, store.checkpoints(), executor.workers)
            about = {**software(), "hardware": hardware(numerics.device)}
            store.prepare(numerics, config.words, about, ours.alone)
            watcher.planned(specs, groups)
            every = config.execution.checkpoint_every
            told = (watcher.progress, watcher.finished)
            Dispatch(executor, store, ours, every, *told, interrupted).run(groups)
    trained = tuple(spec.run_id for spec in mine)
    there = store.statuses()
    store.discard(there)
    return Executed(store.folder, specs, trained, _failed(specs, there), ours.others)


#: The numerics of a new study as long as nothing says otherwise.
PROVISIONAL = Numerics(device="cpu", dtype="float32", threads=1, engine="eager")
#: Steps of all runs of a kind from which on ``engine=auto`` compiles. A compilation takes some
#: 25 s the first time, and saves about 0.6 ms of each step.
COMPILED_FROM = 40_000


def _numerics(kinds: Mapping[str, Survey], specs: Sequence[RunSpec]) -> Numerics:
    """Return what the numerics of a new study are where they are left open.

    One rule, from what was asked and from the machine, never from a measured time: the same words
    give the same numbers.
    """
    cuda = any(survey.cuda for survey in kinds.values())
    steps: Counter[str] = Counter()
    for spec in specs:
        if spec.config.model.fuses and spec.config.optimizer.fuses:
            steps[structure(spec)] += kinds[structure(spec)].steps
    pays = bool(steps) and sum(steps.values()) / len(steps) >= COMPILED_FROM
    compiles = pays and not cuda and cpp_compiler() is not None
    update = {"device": "cuda" if cuda else "cpu", "engine": "compiled" if compiles else "eager"}
    return PROVISIONAL.model_copy(update=update)


@contextmanager
def _executor(
    config: StudyConfig, runs: int, interrupted: Callable[[], int | None]
) -> Iterator[Executor]:
    """Start what trains: worker processes, or this process itself."""
    workers = min(_workers(config), runs) if runs > 1 else 0
    executor: Executor = Serial(interrupted)
    if workers:
        executor = Pool(workers, config.numerics.threads or 1)
    try:
        yield executor
    finally:
        executor.close()


def _workers(config: StudyConfig) -> int:
    """Return how many processes train at once; 0 for this process alone."""
    if config.execution.workers is not None:
        return config.execution.workers
    if config.numerics.device == "cuda":
        return 1
    return max(len(os.sched_getaffinity(0)) // (config.numerics.threads or 1), 1)


def _survey(
    executor: Executor, specs: Sequence[RunSpec], interrupted: Callable[[], int | None]
) -> dict[str, Survey]:
    """Check each kind of group once, so that nothing is written of what cannot be trained."""
    kinds = {structure(spec): LaneGroup((spec,), False) for spec in specs}
    waiting, found = deque(kinds.items()), {}
    lost: set[str] = set()
    while waiting or executor.busy:
        if number := interrupted():
            raise Interrupted(number, "nothing was trained")
        while waiting and executor.busy < executor.workers:
            executor.submit("adamcmp.training:survey", waiting.popleft(), lambda kind, told: None)
        for result in executor.wait():
            kind, value = result.item[0], result.value
            if not isinstance(value, Lost):
                found[kind] = value
            elif kind in lost:
                raise RunFailed(f"{value.reason} It was checking what is to be trained.")
            else:  # it may have been killed from outside
                lost.add(kind)
                waiting.append(result.item)
    return found


def _failed(specs: Sequence[RunSpec], there: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(spec.run_id for spec in specs if there.get(spec.run_id) == "failed")


def run(overrides: Iterable[str] = (), *, force: bool = False) -> dict[str, Any]:
    """Train one run, or read it where it is there already.

    Args:
        overrides: The words of a command line, such as ``["optimizer=adamw", "wd=0.01"]``.
        force: Train it anew.

    Returns:
        The run's row of `runs`, and ``folder``.

    Raises:
        ConfigError: When a word is wrong.
        RunFailed: When training crashed.
    """
    done = execute(Composer().run(overrides), force=force)
    return summary(done)


def sweep(overrides: Iterable[str] = ()) -> Study:
    """Train every run of a grid that is not there yet.

    Args:
        overrides: The words of a command line, comma lists and Hydra's sweep functions among
            them, such as ``["optimizer=adam_l2,adamw", "seed=range(5)"]``.

    Raises:
        ConfigError: When a word is wrong.
        RunFailed: When training of a run crashed; the others are stored.
    """
    done = execute(Composer().sweep(overrides))
    if done.failed:
        errors = frame.runs_table(done.folder, ["run_id", "error"]).to_pylist()
        first = next(r["error"] for r in reversed(errors) if r["run_id"] == done.failed[0])
        raise RunFailed(
            f"{len(done.failed)} of {len(done.specs)} runs failed: {first.splitlines()[0]} "
            f"(`adamcmp show {done.failed[0]}` has the traceback)."
        )
    return Study(done.folder)


def load(study: str | None = None, results: str | None = None) -> Study:
    """Return a study on disk.

    Args:
        study: Its name; None takes the latest.
        results: The folder of all studies; None takes ``$ADAMCMP_RESULTS`` or ``results``.

    Raises:
        NotFound: When there is none of that name.
    """
    root = results or os.environ.get("ADAMCMP_RESULTS", "results")
    return Study(frame.study_folder(Path(root).expanduser(), study))


def summary(done: Executed) -> dict[str, Any]:
    """Return the row of the one run of a command, and its folder.

    Raises:
        RunFailed: When it crashed.
    """
    run_id = done.specs[0].run_id
    table = frame.runs_table(done.folder)
    rows = [row for row in table.to_pylist() if row["run_id"] == run_id]
    if rows[-1]["status"] == "failed":
        first = rows[-1]["error"].splitlines()[0]
        raise RunFailed(f"The run crashed: {first} (`adamcmp show {run_id}` has the traceback).")
    return {**rows[-1], "folder": str(done.folder)}
