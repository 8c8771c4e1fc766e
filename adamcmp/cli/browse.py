"""``adamcmp ls``, ``adamcmp show`` and ``adamcmp parts``."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from adamcmp.analysis.filters import columns_of, is_filter, parse_filters
from adamcmp.cli._options import Parser, add_results, results_root
from adamcmp.errors import ConfigError, NotFound, StoreError, nearest

GROUPS = ("dataset", "model", "optimizer", "schedule", "loss", "logger")
LISTED = (
    *("run_id", "optimizer", "dataset", "model", "lr", "wd", "seed", "status"),
    *("train_loss", "val_error", "test_error", "test_loss", "gap_error", "gap_loss"),
)


def ls(words: list[str]) -> int:
    """List studies, or the runs of one."""
    parser = Parser(
        prog="adamcmp ls",
        description="List studies, or the runs of one that meet all conditions.",
    )
    parser.add_argument("study", nargs="?", help="its name; none lists the studies")
    parser.add_argument(
        "filters",
        nargs="*",
        metavar="COLUMN=VALUE",
        help="only runs that fit, such as optimizer=adamw 'test_error<0.4'",
    )
    add_results(parser)
    options = parser.parse_intermixed_args(words)
    from adamcmp.storage import reader

    if options.study is None:
        return _list_studies(results_root(options))
    root = results_root(options)
    if is_filter(options.study):  # no name: runs of all studies
        return _list_runs(root, reader.list_studies(root), [options.study, *options.filters])
    return _list_runs(root, [options.study], options.filters)


def _list_studies(root: Path) -> int:
    from adamcmp.storage import reader

    rows: list[dict[str, Any]] = []
    damaged: list[StoreError] = []
    for name in reader.list_studies(root):
        try:
            table = reader.read_runs(root / name, ["run_id", "status", "optimizer", "finished_at"])
        except StoreError as error:  # the other studies are listed all the same
            damaged.append(error)
            rows.append({"study": name, "runs": "damaged"})
            continue
        columns = table.to_pydict()
        counts = Counter(columns.get("status", []))
        rows.append(
            {
                "study": name,
                "runs": len(table),
                **{s: counts[s] for s in ("done", "diverged", "failed")},
                "optimizers": " ".join(dict.fromkeys(columns.get("optimizer", []))),
                "latest": _local_time(columns.get("finished_at", [])),
                "now": "; ".join(_standings(root / name)),
            }
        )
    if not rows:
        print(f"There are no studies in {root}. `adamcmp run` makes the first.")
        return 0
    if not any(row.get("now") for row in rows):
        rows = [{k: v for k, v in row.items() if k != "now"} for row in rows]
    _print_table(rows)
    for damage in damaged:
        print(f"adamcmp: {damage}", file=sys.stderr)
    return 2 if damaged else 0


def _list_runs(root: Path, studies: list[str], filters: list[str]) -> int:
    from adamcmp.storage import reader

    rows: list[dict[str, Any]] = []
    varied: list[str] = []
    for study in studies:
        table = reader.read_runs(reader.study_folder(root, study))
        keep = parse_filters(filters, table.column_names) if len(table) else None
        found = [row for row in table.to_pylist() if keep and keep(row)]
        varied += [c for c in _varied(found) if c not in varied]
        rows += [{"study": study, **row} for row in found]
    first = ["study"] if len(studies) > 1 else []
    at = LISTED.index("seed")
    columns = [*first, *LISTED[:at], *varied, *LISTED[at:], *columns_of(filters)]
    for study in studies:
        for line in _standings(root / study):
            print(f"{study}: {line}")
    if not rows:
        where = f"study {studies[0]!r}" if len(studies) == 1 else str(root)
        print(f"No run in {where} fits." if filters else f"There are no runs in {where} yet.")
        return 0
    shown = [c for c in dict.fromkeys(columns) if any(row.get(c) is not None for row in rows)]
    _print_table({column: row.get(column) for column in shown} for row in rows)
    return 0


def _varied(rows: list[dict[str, Any]]) -> list[str]:
    """Return the settings, beyond those that are always listed, in which rows differ."""
    from adamcmp.storage.columns import RUN_COLUMNS, SHORT_NAMES

    known = {*RUN_COLUMNS, *SHORT_NAMES}
    names = [c for c in (rows[0] if rows else ()) if c not in known]
    return [c for c in names if len({str(row[c]) for row in rows if row[c] is not None}) > 1]


def _standings(study: Path) -> list[str]:
    """Return a line for each process that trains runs of a study now."""
    from tqdm import tqdm

    from adamcmp.execution.reservations import process_statuses

    lines = []
    for s in process_statuses(study):
        left = "" if s.seconds_left is None else f", {tqdm.format_interval(s.seconds_left)} left"
        lines.append(f"{s.done} of {s.runs} runs trained{left} (process {s.pid} on {s.host})")
    return lines


def show(words: list[str]) -> int:
    """Show one run."""
    parser = Parser(
        prog="adamcmp show", description="Show one run: its config, provenance and curve."
    )
    parser.add_argument("run", metavar="RUN", help="a run's id or its first digits; STUDY/RUN too")
    add_results(parser)
    options = parser.parse_args(words)
    from adamcmp.storage import reader

    folder, row = _find_run(results_root(options), options.run)
    metrics = [m for m in reader.read_metrics(folder).to_pylist() if m["run_id"] == row["run_id"]]
    _print_run(folder, row)
    if metrics:
        _print_curve(sorted(metrics, key=lambda m: m["step"]))
    return 0


def _find_run(root: Path, wanted: str) -> tuple[Path, dict[str, Any]]:
    from adamcmp.storage import reader

    study, _, prefix = wanted.rpartition("/")
    names = [study] if study else reader.list_studies(root)
    found = []
    ids = []
    unread = []
    for name in names:
        folder = reader.study_folder(root, name)
        try:
            rows = reader.read_runs(folder).to_pylist()
        except StoreError as error:
            if study:
                raise
            unread.append(f" {error}")
            continue
        for row in rows:
            ids.append(row["run_id"])
            if prefix and row["run_id"].startswith(prefix):
                found.append((folder, row))
    if not found:
        guess = nearest(prefix, ids)
        raise NotFound(
            f"There is no run {wanted!r} in {root}.{guess} `adamcmp ls STUDY` lists them."
            + "".join(unread)
        )
    if len(found) > 1:
        places = ", ".join(f"{folder.name}/{row['run_id']}" for folder, row in found[:8])
        more = ", …" if len(found) > 8 else ""
        raise NotFound(
            f"{len(found)} runs begin with {wanted!r}: {places}{more}. Name one of them."
        )
    return found[0]


def _print_run(folder: Path, row: dict[str, Any]) -> None:
    from adamcmp.storage.columns import RUN_COLUMNS, Role, columns_with_role

    identity, provenance = columns_with_role(Role.IDENTITY), columns_with_role(Role.PROVENANCE)
    config = {k: v for k, v in row.items() if k not in RUN_COLUMNS and v is not None}
    config |= {k: row[k] for k in ("seed", "epochs", "steps", "batch_size") if row[k] is not None}
    named = {group: row[group] for group in GROUPS if group in row}
    shown = {*identity, *named, *config, *provenance}
    sections = {
        f"run {row['run_id']} of {folder}": named,
        "config": config,
        "outcome": {k: row.get(k) for k in RUN_COLUMNS if k not in shown},
        "provenance": {k: row.get(k) for k in provenance},
    }
    for title, values in sections.items():
        print(title)
        for key, value in values.items():
            if value is not None:
                print(f"  {key:<26} {_short(value)}")


def _print_curve(metrics: list[dict[str, Any]]) -> None:
    import plotext

    measure = "error" if metrics[-1].get("test_error") is not None else "loss"
    plotext.clear_figure()
    for split, marker in (("train", "braille"), ("test", "•")):
        points = [(m["epoch"], m[f"{split}_{measure}"]) for m in metrics]
        drawn = [(x, y) for x, y in points if y is not None]
        plotext.plot([x for x, _ in drawn], [y for _, y in drawn], label=split, marker=marker)
    width = min(shutil.get_terminal_size((80, 24)).columns, 80)
    plotext.plotsize(width, 16)
    plotext.title(measure)
    plotext.xlabel("epochs")
    print(plotext.uncolorize(plotext.build()))


def parts(words: list[str]) -> int:
    """List the parts that exist, with one line each."""
    parser = Parser(
        prog="adamcmp parts", description="List the parts that exist, with one line each."
    )
    parser.add_argument("group", nargs="?", help=f"only one of: {', '.join(GROUPS)}")
    parser.add_argument("--config-dir", "-cd", help="a folder of your own yaml files beside ours")
    options = parser.parse_args(words)
    if options.group is not None and options.group not in GROUPS:
        raise ConfigError(f"There is no group {options.group!r}.{nearest(options.group, GROUPS)}")
    import adamcmp.configs  # mapped from configs/ by the build

    roots = [Path(adamcmp.configs.__file__).parent]
    if options.config_dir:
        roots.append(Path(options.config_dir).expanduser())
        if not roots[-1].is_dir():
            raise ConfigError(f"--config-dir {options.config_dir}: there is no such folder.")
    for group in [options.group] if options.group else GROUPS:
        print(f"{group}=")
        # Of two files of one name Hydra takes ours.
        found = {
            file.stem: file for root in reversed(roots) for file in (root / group).glob("*.yaml")
        }
        for _, file in sorted(found.items()):
            print(f"  {file.stem:<16} {describe(file)}")
    return 0


def describe(yaml_file: Path) -> str:
    """Return a part's one line: the leading comment of its yaml."""
    first = yaml_file.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""


def _print_table(rows: Iterable[dict[str, Any]]) -> None:
    from tabulate import tabulate

    shown = [{k: _short(v) for k, v in row.items()} for row in rows]
    print(tabulate(shown, headers="keys", disable_numparse=True))


def _short(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _local_time(finished: list[str | None]) -> str:
    known = [moment for moment in finished if moment]
    if not known:
        return "-"
    return datetime.fromisoformat(max(known)).astimezone().strftime("%Y-%m-%d %H:%M")
