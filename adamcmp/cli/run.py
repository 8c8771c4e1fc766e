"""``adamcmp run`` and ``adamcmp sweep``."""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adamcmp.cli._options import Parser
from adamcmp.cli.dry_run import dry_run
from adamcmp.errors import Interrupted

if TYPE_CHECKING:
    from adamcmp.cli.progress_bar import Bar
    from adamcmp.config import Composer, StudyConfig
    from adamcmp.execution.execute import ExecutionResult
    from adamcmp.execution.workers import Workers

GRAMMAR = """\
words:
  GROUP=NAME            dataset= model= optimizer= schedule= loss= logger=; `adamcmp parts`
                        lists them
  lr= wd= seed= epochs= batch_size= study= device=
                        short keys that work for every optimizer
  KEY=VALUE             any setting, such as optimizer.betas=[0.9,0.99]; --cfg job shows all
  +KEY=VALUE  ~KEY      add a key, delete a key (Hydra's grammar)
  KEY=A,B  KEY=range(0,5)  KEY=choice(A,B)
                        several values: `sweep` trains every combination
  seeds=5               seeds 0 to 4
  KEY=logspace(1e-4,1e-1,7)  KEY=linspace(0,1,5)  KEY=powers(2,-12,-4)
                        rows of numbers; they mix with others, as in wd=0,powers(2,-12,-4)
  KEY,KEY=A:B,C:D       pairs
  KEY=tag(log,interval(1e-4,1e-1)) sampler=tpe n=64
                        a search; sampler= is random, sobol, tpe or cmaes
  workers= threads= engine=
                        how the work is spread, and computed

examples:
  adamcmp run optimizer=adamw wd=0.01
  adamcmp run dataset=digits model=cnn optimizer=sgd lr=0.05 epochs=20
  adamcmp sweep optimizer=adam_l2,adamw lr=1e-3,1e-2 seeds=5 study=first
  adamcmp sweep 'lr=logspace(1e-3,1e-1,9)' 'wd=powers(2,-12,-4)' seeds=3 --dry-run
"""


def run(words: list[str]) -> int:
    """Train one run and show it; 1 when it crashed."""
    options = parsed("run", words)
    if options.multirun:
        return _sweep(options)
    from adamcmp.config import Composer

    composer = Composer(options.config_dir)
    if options.cfg:
        return _show_config(composer, options)
    if options.dry_run:
        return dry_run(lambda: composer.run(options.words), options)
    config = composer.run(options.words)
    from adamcmp.api import summary

    done = train_with_bar(config, options)
    row = summary(done)
    fresh = bool(done.trained)
    if options.json:
        print(json.dumps({**_present(row), "trained": fresh}, allow_nan=False))
    else:
        _print_run(row, fresh)
    return 0


def sweep(words: list[str]) -> int:
    """Train a grid and show how it went; 1 when a run crashed."""
    return _sweep(parsed("sweep", words))


def _sweep(options: argparse.Namespace) -> int:
    from adamcmp.config import Composer

    composer = Composer(options.config_dir)
    if options.cfg:
        return _show_config(composer, options)
    if composer.is_search(options.words):
        return _search(composer, options)
    if options.dry_run:
        return dry_run(lambda: composer.sweep(options.words), options)
    done = train_with_bar(composer.sweep(options.words), options)
    return report_sweep(done, options.json)


def _search(composer: Composer, options: argparse.Namespace) -> int:
    from adamcmp.workflows.search import Searching

    searching = Searching(composer, options.words)
    if options.dry_run:
        return dry_run(searching.preview, options)
    from adamcmp.cli.progress_bar import Bar
    from adamcmp.execution.workers import Workers

    with Workers() as workers, Bar(searching.combinations, options.quiet, batches=True) as bar:
        done = searching.run(lambda config: _behind(bar, config, options, workers))
    code = report_sweep(done, options.json)
    if not options.json:
        for words, value in done.best:
            if math.isfinite(value):
                print(f"best {searching.objective} {value:.4f}: {words}")
            else:
                print(f"no best setting, all diverged or failed: {words or 'the search'}")
    return code


def parsed(command: str, words: list[str]) -> argparse.Namespace:
    """Return the options of ``run`` or ``sweep``."""
    parser = Parser(
        prog=f"adamcmp {command}",
        description={
            "run": "Train one run; show it where it is there already.",
            "sweep": "Train every run of a grid that is not there already.",
        }[command],
        epilog=GRAMMAR,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="WORD", help="groups and settings, as below")
    add_training(parser)
    parser.add_argument("--cfg", "-c", choices=("job", "hydra", "all"), help="show the config only")
    parser.add_argument("--resolve", action="store_true", help="with --cfg: fill in references")
    parser.add_argument("--package", "-p", help="with --cfg: show this part of it only")
    parser.add_argument("--config-dir", "-cd", help="a folder of your own yaml files")
    if command == "run":
        parser.add_argument("--multirun", "-m", action="store_true", help="the same as sweep")
    # Flags may stand before, between and after the words.
    return parser.parse_intermixed_args(words)


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that trains."""
    parser.add_argument("--force", action="store_true", help="train anew what is there already")
    parser.add_argument(
        "--retry-failed", action="store_true", help="train anew the runs that crashed"
    )
    parser.add_argument(
        "--dry-run", "-n", action="store_true", help="show what would be trained, and for how long"
    )
    parser.add_argument("--quiet", "-q", action="store_true", help="show no progress")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    parser.set_defaults(whole_plan=False)


def _show_config(composer: Composer, options: argparse.Namespace) -> int:
    composer.check_single_run(options.words)
    text = composer.config_yaml(options.words, options.cfg, options.package, options.resolve)
    print(text, end="")
    return 0


def train_with_bar(
    config: StudyConfig, options: argparse.Namespace, workers: Workers | None = None
) -> ExecutionResult:
    """Train behind a progress bar of its own; when interrupted, say what is kept."""
    from adamcmp.cli.progress_bar import Bar

    with Bar(len(config.runs), options.quiet, options.whole_plan) as bar:
        return _behind(bar, config, options, workers)


def _behind(
    bar: Bar, config: StudyConfig, options: argparse.Namespace, workers: Workers | None
) -> ExecutionResult:
    from adamcmp.execution.execute import Observer
    from adamcmp.workflows.train import train

    observer = Observer(bar.planned, bar.notice, bar.progress, bar.finished)
    try:
        return train(
            config,
            observer,
            force=options.force,
            retry_failed=options.retry_failed,
            workers=workers,
        )
    except Interrupted as interrupt:
        if not str(interrupt):  # a second signal
            raise
        raise Interrupted(
            interrupt.number,
            f"{interrupt}, files in {config.location.folder}; the same command goes on from there",
        ) from None


def print_notice(text: str) -> None:
    """Print what a person should know, to stderr."""
    print(f"adamcmp: {text}", file=sys.stderr)


def _present(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without what does not apply, and without numbers that JSON has no word for."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
        if value is not None
    }


def _print_run(row: dict[str, Any], fresh: bool) -> None:
    from tabulate import tabulate

    if not fresh:
        print(f"Run {row['run_id']} is there already (--force trains it anew).")
    print(
        f"{row['optimizer']} on {row['dataset']}, {row['model']}: lr {row['lr']:g}, "
        f"wd {row['wd']:g}, seed {row['seed']}, {row['steps']} steps"
    )
    if row["status"] == "diverged":
        print(f"diverged after {row['stopped_at_step']} steps")
    else:
        columns = ("train", "val", "test", "gap")
        measures = [m for m in ("loss", "error") if row.get(f"train_{m}") is not None]
        table = [
            [
                measure,
                *(row.get(f"{column}_{measure}") for column in columns),
            ]
            for measure in measures
        ]
        print(tabulate(table, headers=["", *columns], floatfmt=".4f", missingval="-"))
    print(f"run {row['run_id']}, {row['wall_time_s']:.1f} s, files in {row['folder']}")


def report_sweep(done: ExecutionResult, as_json: bool) -> int:
    """Print how a sweep went; return 1 when not all that was asked for is there, else 0."""
    from adamcmp.storage import reader

    asked = {spec.run_id for spec in done.specs}
    rows = [
        row
        for row in reader.read_runs(done.folder, ["run_id", "status", "error"]).to_pylist()
        if row["run_id"] in asked
    ]
    counts = {s: sum(row["status"] == s for row in rows) for s in ("done", "diverged", "failed")}
    not_all = 1 if done.failed or done.in_progress else 0
    if as_json:
        values = {"study": done.folder.name, "folder": str(done.folder), "runs": len(asked)}
        trained = {"trained": len(done.trained), "elsewhere": len(done.in_progress)}
        print(json.dumps({**values, **counts, **trained}))
        return not_all
    words = ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "none"
    print(
        f"{len(asked)} run{'s' * (len(asked) != 1)} ({len(done.trained)} trained now): {words}; "
        f"files in {done.folder}"
    )
    if done.in_progress:
        print(f"adamcmp: {done.in_progress_message}", file=sys.stderr)
    errors = {row["run_id"]: row["error"] for row in rows if row["status"] == "failed"}
    for run_id in done.failed:
        print(f"failed: {run_id}: {errors[run_id].splitlines()[0]}", file=sys.stderr)
    if done.failed:
        print(
            "`adamcmp show RUN` has the traceback; --retry-failed trains them again.",
            file=sys.stderr,
        )
    if any(row["status"] == "done" for row in rows):
        print(f"`adamcmp report {_again(done.folder)}` compares them.")
    elif any(row["status"] == "diverged" for row in rows):
        print(f"`adamcmp plot divergence {_again(done.folder)}` shows where they diverged.")
    return not_all


def _again(folder: Path) -> str:
    """Return the words that name a study to other commands."""
    usual = Path(os.environ.get("ADAMCMP_RESULTS", "results")).expanduser()
    if folder.parent.resolve() == usual.resolve():
        return shlex.quote(folder.name)
    return f"{shlex.quote(folder.name)} --results {shlex.quote(str(folder.parent))}"
