"""The Python API: the commands of ``adamcmp`` as functions.

`import adamcmp` provides the same names, and those of `adamcmp.errors`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adamcmp.analysis import Edge, compare
from adamcmp.components.trusted_code import TrustedCode, trusting
from adamcmp.components.validation import build
from adamcmp.config import ResultsLocation
from adamcmp.errors import ConfigError, RunFailed, RunInProgress
from adamcmp.platform.addresses import Address, address
from adamcmp.platform.files import expand_user
from adamcmp.storage import reader
from adamcmp.workflows.check import Check, check_component
from adamcmp.workflows.composing import study_composer
from adamcmp.workflows.convert import convert
from adamcmp.workflows.extend import configure_extension
from adamcmp.workflows.extend import extend as train_extension
from adamcmp.workflows.import_runs import ImportResult
from adamcmp.workflows.import_runs import import_runs as read_into
from adamcmp.workflows.importing import ImportOptions
from adamcmp.workflows.inspect import inspect_optimizer
from adamcmp.workflows.run import configure_run
from adamcmp.workflows.run import run as train_run
from adamcmp.workflows.search import RangeSearch
from adamcmp.workflows.settle import configure_settling
from adamcmp.workflows.settle import settle as train_rounds
from adamcmp.workflows.study import StudyResult, train_study
from adamcmp.workflows.study_stages import configure_study
from adamcmp.workflows.sweep import sweep as sweep_or_search
from adamcmp.workflows.training import BestSetting, SweepResult, TrainingOptions

if TYPE_CHECKING:
    import pandas as pd

    from adamcmp.inspection.report import Inspection
    from adamcmp.reporting import Report
    from adamcmp.training.torch_optimizer import torch_optimizer
    from adamcmp.workflows.equivalence import Equivalence
    from adamcmp.workflows.landscape import Descents

__all__ = [
    "BestSetting",
    "Check",
    "Descents",
    "Edge",
    "Equivalence",
    "ExtendedStudy",
    "ImportResult",
    "Inspection",
    "Report",
    "SearchedStudy",
    "SettledStudy",
    "StagedStudyResult",
    "Study",
    "SweepResult",
    "check",
    "compare",
    "convert",
    "equivalence",
    "extend",
    "import_runs",
    "inspect",
    "landscape",
    "load",
    "report",
    "run",
    "search",
    "settle",
    "study",
    "sweep",
    "torch_optimizer",
]

#: Name -> its module, for names whose modules import torch or matplotlib.
_LAZY = {
    "Descents": "adamcmp.workflows.landscape",
    "Equivalence": "adamcmp.workflows.equivalence",
    "Inspection": "adamcmp.inspection.report",
    "Report": "adamcmp.reporting",
    "torch_optimizer": "adamcmp.training.torch_optimizer",
}


def __getattr__(name: str) -> Any:
    """Import a name of another module when it is first used."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


@dataclass(frozen=True)
class Study:
    """A study on disk or in a bucket.

    Its tables are read at first access; call `load` again to see later changes.

    Attributes:
        folder: The folder or URL of the study.
    """

    folder: Address

    @property
    def name(self) -> str:
        """The name of the study."""
        return self.folder.name

    @property
    def runs(self) -> pd.DataFrame:
        """One row per run: its settings, status, final and best metrics, provenance."""
        return self._tables[0]

    @property
    def metrics(self) -> pd.DataFrame:
        """One row per run and evaluation."""
        return self._tables[1]

    @cached_property
    def examples(self) -> pd.DataFrame:
        """What the last evaluation measured of each validation and test example.

        One row per run, split and metric; `adamcmp.storage.outcomes.decode` returns its numbers.
        """
        return reader.load_examples(self.folder)

    @cached_property
    def _tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return reader.load(self.folder)


@dataclass(frozen=True)
class SearchedStudy:
    """The result of `search`.

    Attributes:
        study: The study.
        objective: The metric that was minimized.
        best: The best setting for each choice of config groups, such as each optimizer: its
            ``overrides`` and its ``value``.
    """

    study: Study
    objective: str
    best: tuple[BestSetting, ...]


@dataclass(frozen=True)
class StagedStudyResult:
    """The result of `study`.

    Attributes:
        study: The study.
        stages: The result of each stage: the grids, then new seeds of the best settings.
        report: The report; None if none was requested.
    """

    study: Study
    stages: tuple[SweepResult, ...]
    report: Report | None


@dataclass(frozen=True)
class ExtendedStudy:
    """The result of `extend`.

    Attributes:
        study: The study.
        edges: The edges beyond which runs were added; empty if no best setting is on an edge, or
            seeds were added.
        trained: Number of runs that were trained.
    """

    study: Study
    edges: tuple[Edge, ...] = field(default=())
    trained: int = 0


@dataclass(frozen=True)
class SettledStudy:
    """The result of `settle`.

    Attributes:
        study: The study.
        rounds: What each round added.
        trained: Number of runs that were trained.
        remaining: What the study still needs; empty if it is settled.
        report: The report; None if none was requested.
    """

    study: Study
    rounds: tuple[str, ...]
    trained: int
    remaining: str
    report: Report | None

    @property
    def settled(self) -> bool:
        """Whether the study needs no further runs."""
        return not self.remaining


def run(
    overrides: Iterable[str] = (),
    *,
    force: bool = False,
    retry_failed: bool = False,
    config_dir: str | None = None,
) -> dict[str, Any]:
    """Train one run, or read it if it already exists.

    Args:
        overrides: Overrides of the default configuration, as on the command line.
        force: Retrain the run if it already exists.
        retry_failed: Retrain the run if it crashed.
        config_dir: A folder of additional yaml files.

    Returns:
        The run's row of `Study.runs`, and ``folder``, the folder of the study.

    Raises:
        ConfigError: If an override is invalid.
        RunFailed: If training crashed.
        RunInProgress: If another process is training the run.

    >>> row = run(["dataset=teacher", "optimizer=adamw", "wd=0.01", "steps=2"])
    >>> row["status"], row["optimizer"], row["wd"]
    ('done', 'adamw', 0.01)
    """
    config = configure_run(_listed(overrides), config_dir)
    result = train_run(config, TrainingOptions(force=force, retry_failed=retry_failed))
    return {**result.row, "folder": str(result.folder)}


def sweep(
    overrides: Iterable[str] = (),
    *,
    force: bool = False,
    retry_failed: bool = False,
    config_dir: str | None = None,
) -> Study:
    """Train the runs of a grid that do not exist yet; with ``sampler=``, search ranges.

    Args:
        overrides: Overrides, some of them with several values.
        force: Retrain runs that already exist.
        retry_failed: Retrain runs that crashed.
        config_dir: A folder of additional yaml files.

    Returns:
        The study, which may also hold other runs.

    Raises:
        ConfigError: If an override is invalid.
        RunFailed: If a run crashed; the others are stored.
        RunInProgress: If another process is training some of the runs; the others are stored.

    >>> study = sweep(["dataset=teacher", "steps=2", "optimizer=adam_l2,adamw", "seeds=2"])
    >>> len(study.runs)
    4
    """
    options = TrainingOptions(force=force, retry_failed=retry_failed)
    result = sweep_or_search(_listed(overrides), config_dir, options)
    _check_complete(result)
    return Study(result.folder)


def search(
    overrides: Iterable[str],
    *,
    force: bool = False,
    retry_failed: bool = False,
    config_dir: str | None = None,
) -> SearchedStudy:
    """Search ranges with Optuna. The same overrides continue a search.

    Args:
        overrides: Overrides, including ranges, ``sampler=`` and ``n=``.
        force: Retrain runs that already exist.
        retry_failed: Retrain runs that crashed.
        config_dir: A folder of additional yaml files.

    Returns:
        The study, and the best setting of each optimizer.

    Raises:
        ConfigError: If an override is invalid, ``sampler=`` is missing, or Optuna is not installed.
        RunFailed: If a run crashed; the others are stored.
        RunInProgress: If another process is training some of the runs; the others are stored.
        StoreError: If another process is searching the same study.

    >>> result = search(["dataset=teacher", "steps=2", "lr=interval(1e-3,1e-1)",
    ...                  "sampler=random", "n=3"])
    >>> len(result.study.runs), result.objective, len(result.best)
    (3, 'val_error', 1)
    """
    listed = _listed(overrides)
    composer = study_composer(config_dir)
    if not composer.is_search(listed):
        raise ConfigError("A search needs sampler=random|sobol|tpe|cmaes and n=64.")
    options = TrainingOptions(force=force, retry_failed=retry_failed)
    result = RangeSearch(composer, listed).train(options)
    _check_complete(result)
    return SearchedStudy(Study(result.folder), result.objective, result.best)


def study(
    name: str,
    overrides: Iterable[str] = (),
    *,
    scale: str | None = None,
    force: bool = False,
    retry_failed: bool = False,
    config_dir: str | None = None,
    allow_code: bool = False,
    report: bool = True,
) -> StagedStudyResult:
    """Train a study file: its grids, then new seeds of the settings that are best on validation.

    Args:
        name: The name of the study file, or the path of a ``.yaml`` file.
        overrides: Overrides, which take precedence over the file's.
        scale: A scale that the file defines, such as ``"smoke"``; None selects no scale.
        force: Retrain runs that already exist.
        retry_failed: Retrain runs that crashed.
        config_dir: A folder of additional yaml files; study files are in its folder ``study``.
        allow_code: Import classes that a study file outside of `config_dir` names. Set this only
            if you trust its author.
        report: Whether to write the report.

    Returns:
        The study, the result of each stage, and the report.

    Raises:
        ConfigError: If the file or an override is invalid.
        NotFound: If the file or its scale does not exist.
        RunFailed: If a run crashed; the others are stored.
        RunInProgress: If another process is training some of the runs; the others are stored.

    >>> quick = ["dataset=teacher", "dataset.test_examples=100", "steps=2", "seeds=1"]
    >>> result = study("decoupling", quick, scale="smoke", report=False)
    >>> [len(stage.trained) for stage in result.stages]
    [24, 12]
    """

    def on_trained(result: StudyResult) -> None:
        for stage in result.stages:
            _check_complete(stage)

    with trusting(TrustedCode(allow_code)):
        configured = configure_study(name, _listed(overrides), scale, config_dir)
    options = TrainingOptions(force=force, retry_failed=retry_failed)
    result = train_study(configured, options, report=report, on_trained=on_trained)
    return StagedStudyResult(Study(result.folder), result.stages, result.report)


def extend(
    name: str | None = None,
    overrides: Iterable[str] = (),
    *,
    force: bool = False,
    retry_failed: bool = False,
    allow_code: bool = False,
    results: str | None = None,
) -> ExtendedStudy:
    """Train the next values beyond a grid's edge if an optimizer's best lr or wd is on it.

    With ``"seeds=5"``, five evaluation seeds of each optimizer's best setting are trained instead.

    Args:
        name: The name of the study; None selects the latest.
        overrides: ``"seeds=5"``, and settings of execution, such as ``"workers=2"``.
        force: Retrain runs that already exist.
        retry_failed: Retrain runs that crashed.
        allow_code: Import classes that the study's runs name. Set this only if you trust whoever
            trained them.
        results: The folder or URL of all studies; None selects ``$ADAMCMP_RESULTS``, or
            ``results``.

    Returns:
        The study, the edges that were extended, and the number of runs that were trained.

    Raises:
        ConfigError: If an override is neither.
        NotFound: If the study does not exist, or has no run with status ``done``.
        RunFailed: If a run crashed; the others are stored.
        RunInProgress: If another process is training some of the runs; the others are stored.

    >>> _ = sweep(["dataset=teacher", "steps=20", "lr=1e-4,1e-3", "study=narrow"])
    >>> extended = extend("narrow")
    >>> [edge.axis for edge in extended.edges]
    ['lr']
    """
    options = TrainingOptions(force=force, retry_failed=retry_failed)
    with trusting(TrustedCode(allow_code)):
        extension = configure_extension(_root(results), name, _listed(overrides))
        result = train_extension(extension, options)
    _check_complete(result)
    return ExtendedStudy(Study(result.folder), extension.edges, len(result.trained))


def settle(
    name: str | None = None,
    overrides: Iterable[str] = (),
    *,
    budget: int | None = None,
    allow_code: bool = False,
    results: str | None = None,
    report: bool = True,
) -> SettledStudy:
    """Add runs to a study until its audit asks for none, or until a budget is spent.

    In rounds, it trains the next values of a grid whose best setting is on its edge, the same
    evaluation seeds for the best setting of each optimizer, and as many more of these as the
    verdict says would detect a difference. A round that does not fit into the budget is not
    trained.

    Args:
        name: The name of the study; None selects the latest.
        overrides: Settings of execution, such as ``"workers=2"``.
        budget: The maximum number of runs to train; None selects the number of runs that the study
            has.
        allow_code: Import classes that the study's runs name. Set this only if you trust whoever
            trained them.
        results: The folder or URL of all studies; None selects ``$ADAMCMP_RESULTS``, or
            ``results``.
        report: Whether to write the report.

    Returns:
        The study, what each round added, and what is left to do.

    Raises:
        ConfigError: If an override or the budget is invalid, the runs were imported, or requested
            runs are missing.
        NotFound: If the study does not exist, or has no run with status ``done``.
        RunFailed: If a run crashed; the others are stored.
        RunInProgress: If another process is training some of the runs; the others are stored.

    >>> _ = sweep(["dataset=teacher", "steps=2", "optimizer=sgd,adamw", "study=few_seeds"])
    >>> settle("few_seeds", budget=8, report=False).rounds
    ('8 runs with the evaluation seeds 0 to 4 of each best setting',)
    """
    with trusting(TrustedCode(allow_code)):
        settling = configure_settling(_root(results), name, budget, _listed(overrides))
        result = train_rounds(
            settling,
            TrainingOptions(),
            report=report,
            on_round=lambda finished: _check_complete(finished.result),
        )
    rounds = tuple(finished.text for finished in result.rounds)
    return SettledStudy(
        Study(result.folder), rounds, result.trained, result.remaining, result.report
    )


def report(
    studies: str | Sequence[str] = (),
    filters: Sequence[str] = (),
    *,
    baseline: str | None = None,
    margin: float | None = None,
    results: str | None = None,
) -> Report:
    """Write the report of one study, or of several studies pooled.

    Args:
        studies: The names of the studies; if empty, the latest study.
        filters: Conditions on the runs, such as ``"lr=0.001"``.
        baseline: The optimizer that each other one is compared with; None compares all pairs.
        margin: Test whether optimizers are equal within this difference of the reported metric, in
            percentage points for errors.
        results: The folder or URL of all studies; None selects ``$ADAMCMP_RESULTS``, or
            ``results``.

    Returns:
        The report, with its ``answer`` (verdicts, audit findings and tables), ``folder`` and
        ``files``.

    Raises:
        ConfigError: If a condition or the margin is invalid, or no run has the baseline.
        NotFound: If a study does not exist, or no run with status ``done`` meets the conditions.
        StoreError: If a study is damaged or the report cannot be written.

    >>> report("first").files[0].name  # doctest: +SKIP
    'index.html'
    """
    from adamcmp.analysis.question import Question
    from adamcmp.reporting import report as write_report
    from adamcmp.workflows.report import study_folders

    names = [studies] if isinstance(studies, str) else list(studies)
    folders = study_folders(_root(results), names)
    return write_report(folders, _listed(filters), question=Question(baseline, margin))


def load(study: str | None = None, results: str | None = None) -> Study:
    """Return a study on disk or in a bucket.

    Args:
        study: The name of the study; None selects the latest.
        results: The folder or URL of all studies; None selects ``$ADAMCMP_RESULTS``, or
            ``results``.

    Returns:
        The study, whose tables are read at first access.

    Raises:
        NotFound: If the study does not exist.

    >>> _ = run(["dataset=teacher", "steps=2", "study=first"])
    >>> load("first").runs["optimizer"].tolist()
    ['adamw']
    """
    return Study(reader.study_folder(_root(results), study))


def import_runs(  # noqa: PLR0913 (one for each flag of the command)
    file: str | Path,
    study: str,
    *,
    columns: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    percent: Iterable[str] = (),
    higher_is_better: Iterable[str] = (),
    settings: Iterable[str] = (),
    where: Iterable[str] = (),
    paired_seeds: bool = False,
    results: str | None = None,
    dry_run: bool = False,
) -> ImportResult:
    r"""Import the runs of another program into a study.

    Each row of the file is a run with its final metrics or, if there is a column ``step``, an
    evaluation of a run.

    Args:
        file: A CSV file.
        study: The name of the study, which is new or holds imported runs.
        columns: adamcmp's column -> the file's column, where the names differ.
        constants: adamcmp's column -> its value in all rows.
        percent: Errors and accuracies that the file holds in percent.
        higher_is_better: Losses for which the file holds a score, such as a reward; its negative
            is stored.
        settings: Columns of the file that are additional settings.
        where: Conditions on the file's columns, such as ``"epoch<50"``, that rows must meet.
        paired_seeds: Whether runs of equal seeds share initial weights and batches, so that
            optimizers are compared seed by seed.
        results: The folder or URL of all studies; None selects ``$ADAMCMP_RESULTS``, or
            ``results``.
        dry_run: Read and check the file, but write nothing.

    Returns:
        The imported runs and metrics, and how many runs replaced a stored one or are unchanged.

    Raises:
        ConfigError: If a column or a cell cannot be read, or the study holds trained runs.
        StoreError: If the study is damaged or cannot be written.

    >>> csv = "optimizer,lr,seed,val_error,test_error\nadamw,0.001,0,0.2,0.25\n"
    >>> _ = Path("theirs.csv").write_text(csv)
    >>> constants = {"dataset": "cifar10", "model": "resnet18", "wd": 0}
    >>> result = import_runs("theirs.csv", "theirs", constants=constants)
    >>> result.runs["test_accuracy"].tolist()
    [0.75]
    """
    values = {"study": study, "results": str(_root(results))}
    location = build(ResultsLocation, values, "")
    options = ImportOptions(
        columns=dict(columns or {}),
        constants={name: str(value) for name, value in (constants or {}).items()},
        percent=frozenset(_listed(percent)),
        higher_is_better=frozenset(_listed(higher_is_better)),
        settings=tuple(dict.fromkeys(_listed(settings))),
        where=tuple(_listed(where)),
        paired_seeds=paired_seeds,
    )
    return read_into(expand_user(file), location.folder, options, dry_run=dry_run)


def check(
    target: str, overrides: Iterable[str] = (), *, config_dir: str | None = None
) -> list[Check]:
    """Check that a model, optimizer or dataset meets the requirements of a component.

    Args:
        target: The dotted path of a class or function (``"mynets.Net"``), the path of a dataset's
            file, or an override that selects a component (``"model=cnn"``).
        overrides: Further settings, such as ``"dataset=digits"`` or ``"+model.width=64"``.
        config_dir: A folder of additional yaml files.

    Returns:
        The checks in their order, each with its status: ``ok``, ``failed``, or ``skipped`` because
        an earlier one failed.

    Raises:
        ConfigError: If the target or an override is invalid.

    >>> checks = check("model=logistic", ["dataset=teacher"])
    >>> checks[2].name, checks[2].status, all(each.status == "ok" for each in checks)
    ('training', 'ok', True)
    """
    return list(check_component(target, _listed(overrides), config_dir))


def inspect(target: str, settings: Iterable[str] = ()) -> Inspection:
    """Measure how an optimizer decays weights, as ``adamcmp inspect`` does.

    Args:
        target: The dotted path of a class derived from torch.optim.Optimizer or of a function that
            returns an optax transformation, or the name of an optimizer of adamcmp.
        settings: Its arguments, such as ``"weight_decay=0.1"``.

    Returns:
        The coupling of its weight decay, with the nearest optimizer of adamcmp.

    Raises:
        ConfigError: If there is no such optimizer, a setting is invalid, or it cannot be probed.

    >>> result = inspect("torch.optim.Adam", ["weight_decay=0.1"])
    >>> result.coupling, round(result.coefficient, 6), result.nearest[0]
    ('l2', 0.1, 'optimizer=adam_l2')
    """
    return inspect_optimizer(target, _listed(settings))


def equivalence(
    optimizers: Iterable[str] = (),
    overrides: Iterable[str] = (),
    *,
    config_dir: str | None = None,
) -> Equivalence:
    """Test whether L2 regularization equals weight decay, as ``adamcmp equivalence`` does.

    Args:
        optimizers: Names of optimizers with settings, such as ``"sgd:momentum=0"``. Without any,
            ten are compared.
        overrides: Settings of all runs, such as ``"steps=100"``.
        config_dir: A folder of additional yaml files.

    Raises:
        ConfigError: If an argument is invalid, or training diverges.

    >>> result = equivalence(["sgd:momentum=0", "adam"], ["dataset=teacher", "steps=5"])
    >>> result.table[["optimizer", "is_rounding"]].values.tolist()
    [['sgd:momentum=0', True], ['adam', False]]
    """
    from adamcmp.workflows.equivalence import Equivalence, train_forms

    arguments = [*_listed(optimizers), *_listed(overrides)]
    return Equivalence(tuple(train_forms(arguments, config_dir)))


def landscape(
    function: str,
    optimizers: Iterable[str] = (),
    overrides: Iterable[str] = (),
    *,
    start: tuple[float, float] | None = None,
    config_dir: str | None = None,
) -> Descents:
    """Follow optimizers on a function of two variables, as ``adamcmp landscape`` does.

    Args:
        function: ``"quadratic"``, ``"rosenbrock"``, ``"beale"`` or ``"noisy_valley"``, with
            settings as in ``"quadratic:condition=100"``.
        optimizers: Names of optimizers with settings, such as ``"sgd:momentum=0"``.
        overrides: Settings of all optimizers, such as ``"wd=0.5"`` or ``"steps=50"``.
        start: Where they start.
        config_dir: A folder of additional yaml files.

    Raises:
        ConfigError: If an argument is invalid.

    >>> result = landscape("quadratic", ["adam", "sgd:momentum=0"], ["steps=2"])
    >>> result.paths.query("step == 0")[["optimizer", "x", "y"]].values.tolist()
    [['adam', -1.5, 1.5], ['sgd:momentum=0', -1.5, 1.5]]
    """
    from adamcmp.workflows.landscape import follow_optimizers

    arguments = [*_listed(optimizers), *_listed(overrides)]
    return follow_optimizers(function, arguments, start, config_dir)


def _root(results: str | None) -> Address:
    return address(str(results or os.environ.get("ADAMCMP_RESULTS", "results")))


def _listed(texts: Iterable[str]) -> list[str]:
    if isinstance(texts, str):
        raise ConfigError(f"Pass a list, such as {texts.split()}, not one string.")
    return list(texts)


def _check_complete(result: SweepResult) -> None:
    """Raise an error if a run crashed, or another process is training some of the runs."""
    if result.in_progress:
        raise RunInProgress(result.notice)
    if result.errors:
        run_id, error = next(iter(result.errors.items()))
        raise RunFailed(
            f"{len(result.errors)} of {len(result.run_ids)} runs failed: {error} "
            f"(`adamcmp show {run_id}` has the traceback)."
        )
