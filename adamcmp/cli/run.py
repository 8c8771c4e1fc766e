"""``adamcmp run``: train one run."""

from __future__ import annotations

import gc
import json
import math
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from adamcmp.cli import _config
from adamcmp.cli._options import add_config_dir, add_training
from adamcmp.cli._parser import Parser
from adamcmp.cli._tables import fitted_table
from adamcmp.cli._training import OVERRIDES_HELP, add_overrides, print_plan, training_options

if TYPE_CHECKING:
    from adamcmp.config import StudyConfig
    from adamcmp.workflows.run import RunResult

_SPLITS = ("train", "val", "test", "gap")

EXAMPLES = """\
examples:
  adamcmp run optimizer=adamw wd=0.01
  adamcmp run dataset=digits model=cnn optimizer=sgd lr=0.05 epochs=20
  adamcmp run optimizer=adamw wd=0.01 --json
  adamcmp run --cfg job optimizer=sgdw            show the configuration only
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "run",
        "Train one run.\nPrints its metrics. A run that already exists is not trained again.",
        f"{EXAMPLES}\n{OVERRIDES_HELP}",
    )
    add_overrides(parser, "override of the default configuration, such as lr=0.01; see below")
    add_training(parser)
    _config.add_options(parser)
    add_config_dir(parser)
    parser.add_argument("--multirun", "-m", action="store_true", help="the same as `adamcmp sweep`")
    parser.set_defaults(plan_only=False, detach=False)
    return parser


def main(arguments: list[str]) -> int:
    """Train one run and print its metrics.

    Raises:
        RunFailed: If training crashed.
        RunInProgress: If another process is training the run.
    """
    options = parser().parse(arguments)
    if options.multirun:
        from adamcmp.cli.sweep import run_command

        return run_command(options)
    if _config.is_requested(options):
        return _config.print_config(options, "scratch")
    # Collecting all garbage takes a tenth of a second once torch is imported, and frees nothing.
    gc.set_threshold(*gc.get_threshold()[:2], 1_000)
    from adamcmp.workflows.run import configure_run, run

    if options.dry_run:
        return print_plan(lambda: configure_run(options.overrides, options.config_dir), options)
    config = configure_run(options.overrides, options.config_dir)
    result = run(config, training_options(options))
    if options.json:
        values = {**_json_values(result.row), "folder": str(result.folder)}
        chance = {f"chance_{metric}": value for metric, value in result.chance_level.items()}
        print(json.dumps({**values, **chance, "trained": result.trained}, allow_nan=False))
    else:
        _print(result)
        _print_next(config, options.config_dir)
    return 0


def _print_next(config: StudyConfig, config_dir: str | None) -> None:
    """Print the commands of a small comparison of the run's optimizer."""
    from adamcmp.workflows.run import first_sweeps

    sweeps = first_sweeps(config, config_dir)
    print(f"Next, compare two optimizers in {sum(sweep.runs for sweep in sweeps)} runs:")
    for sweep in sweeps:
        print(f"  {shlex.join(['adamcmp', 'sweep', *sweep.overrides, *config.flags])}")


def _json_values(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without missing values; numbers that JSON cannot hold are null."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
        if value is not None
    }


def _print(result: RunResult) -> None:
    row = result.row
    if not result.trained:
        print(f"Run {row['run_id']} already exists (--force retrains it).")
    print(
        f"{row['optimizer']} on {row['dataset']}, {row['model']}: lr {row['lr']:g}, "
        f"wd {row['wd']:g}, seed {row['seed']}, {row['steps']} steps ({_epochs(row):.3g} epochs)"
    )
    if row["status"] == "diverged":
        print(f"diverged after {row['stopped_at_step']} steps")
    else:
        print(_metrics_table(row, result.chance_level))
    print(f"run {row['run_id']}, {row['wall_time_s']:.1f} s, files in {result.folder}")


def _metrics_table(row: Mapping[str, Any], chance_level: Mapping[str, float]) -> str:
    """Return the metrics of the last and of the best evaluation, and the chance level."""
    main = "error" if row.get("train_error") is not None else "loss"
    selected = row.get("select") or main
    measures = dict.fromkeys(["loss", "error", selected, "rmse", "r2"])
    rows = [_metrics_row(m, m, row) for m in measures if row.get(f"train_{m}") is not None]
    if row.get("best_step") is not None:
        epoch = row["best_step"] / row["steps"] * _epochs(row)
        rows.append(_metrics_row(f"best {selected} (epoch {epoch:.3g})", selected, row, "best_"))
    if chance_level:
        rows.append(_metrics_row(f"chance {main}", main, chance_level))
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return fitted_table(columns, right=_SPLITS)


def _epochs(row: Mapping[str, Any]) -> float:
    """Return the budget in epochs; a budget in steps may be a fraction of an epoch."""
    return float(row["epochs"] or row["steps"] * row["batch_size"] / row["train_examples"])


def _metrics_row(
    title: str, measure: str, values: Mapping[str, Any], prefix: str = ""
) -> dict[str, str]:
    numbers = {split: values.get(f"{prefix}{split}_{measure}") for split in _SPLITS}
    return {"": title} | {s: "-" if v is None else f"{v:.4f}" for s, v in numbers.items()}
