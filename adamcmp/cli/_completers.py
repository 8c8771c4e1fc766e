"""Values of arguments for shell completion: overrides, names of studies, metrics, plots."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from adamcmp.cli._parser import Line, paths
from adamcmp.components.names import OPTIONS_OF
from adamcmp.platform.addresses import Address, address, default_results

#: Completions of Hydra that have no effect: its settings, and folders of defaults.
_NO_SETTINGS = {"hydra", "hydra.", "hydra/", "by_dataset/", "former/"}


def overrides(line: Line) -> list[str]:
    """Return keys, or the values of the typed key, such as ``sampler=tpe``."""
    from adamcmp.config import SHORT_KEYS, Composer, choices

    composer = Composer(line.value("config_dir"))
    key, equals, _ = line.typed.partition("=")
    if equals and key == "study":
        return [f"study={name}" for name in studies(line)]
    if equals:
        return [f"{key}={option}" for option in composer.options(key) or choices(key)]
    preceding = [word for word in line.values.get("overrides", ()) if "=" in word]
    short = [f"{name}=" for name in (*SHORT_KEYS, *OPTIONS_OF, "seeds") if "." not in name]
    keys = composer.complete_keys(preceding, line.typed)
    return sorted({*keys, *short} - _NO_SETTINGS)


def overrides_and_paths(line: Line) -> list[str]:
    """Return overrides; and files, once something is typed."""
    return [*overrides(line), *(paths(line) if line.typed else ())]


def optimizers_and_overrides(line: Line) -> list[str]:
    """Return the names of optimizers, and overrides."""
    from adamcmp.config import Composer

    return [*Composer(line.value("config_dir")).options("optimizer"), *overrides(line)]


def extension_settings(line: Line) -> list[str]:
    """Return the keys, or the values of the typed key, that `adamcmp extend` accepts."""
    return [*([] if "=" in line.typed else ["seeds="]), *execution_settings(line)]


def execution_settings(line: Line) -> list[str]:
    """Return the keys, or the values of the typed key, of settings of execution."""
    from adamcmp.config import Execution

    settings = ((o, o.partition("=")[0].partition(".")[0]) for o in overrides(line))
    return [override for override, key in settings if key in Execution.model_fields]


def study_files(line: Line) -> list[str]:
    """Return the names of study files; and files, once something is typed."""
    from adamcmp.config import study_files

    names = list(study_files(line.value("config_dir")))
    return [*names, *paths(line)] if line.typed else names


def scales(line: Line) -> list[str]:
    """Return the scales of the named study file."""
    from adamcmp.config import read_study

    name = line.value("name")
    return list(read_study(name, line.value("config_dir")).scales) if name else []


def studies(line: Line) -> list[str]:
    """Return the names of stored studies; none of a bucket, which takes long to list."""
    from adamcmp.storage import reader

    return reader.list_studies(root) if isinstance(root := _results(line), Path) else []


def conditions(line: Line) -> list[str]:
    """Return ``optimizer=NAME`` for the optimizers of the named studies, or of the latest."""
    from adamcmp.storage import reader

    known = studies(line)
    named = [word for words in line.values.values() for word in words if word in known]
    folders = [_results(line) / name for name in named or known[-1:]]
    tables = [reader.read_runs(folder, ["optimizer"]) for folder in folders]
    optimizers = {str(o) for table in tables for o in table.column("optimizer").to_pylist()}
    return [f"optimizer={name}" for name in sorted(optimizers)]


def studies_and_conditions(line: Line) -> list[str]:
    """Return the names of stored studies, and conditions on their runs."""
    return [*studies(line), *conditions(line)]


def metrics(line: Line) -> Iterable[str]:
    """Return the names of the metrics."""
    from adamcmp.storage.columns import METRICS

    return METRICS


def plots(line: Line) -> list[str]:
    """Return the names of the plots, without importing the modules that draw them; and files."""
    folder = Path(__file__).parents[1] / "plots"
    names = sorted(file.stem for file in folder.glob("[!_]*.py"))
    return [*names, *paths(line)] if line.typed else names


def _results(line: Line) -> Address:
    """Return the folder of all studies, which an option or an override may set."""
    words = [w for w in line.values.get("overrides", ()) if w.startswith("results=")]
    override = words[-1].removeprefix("results=") if words else None
    return address(line.value("results") or override or default_results())
