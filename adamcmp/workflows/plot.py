"""Draw a plot of one or several studies and save it to a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from adamcmp import plots
from adamcmp.analysis import RunTable
from adamcmp.analysis.looks import unrecorded_looks
from adamcmp.errors import ConfigError, StoreError, nearest
from adamcmp.platform.addresses import Address
from adamcmp.platform.files import expand_user
from adamcmp.reporting import load_table, report_folder
from adamcmp.storage.looks import add_looks
from adamcmp.storage.queries import matches, no_match_of_query


def list_plots() -> dict[str, str]:
    """Return the name and the one-line description of each plot."""
    return {name: plot.title for name, plot in plots.PLOTS.items()}


def draw_plot(
    name: str,
    folders: Sequence[Address],
    out: str | None = None,
    where: str | None = None,
    options: Mapping[str, str] | None = None,
    on_notice: Callable[[str], None] = lambda text: None,
) -> Path:
    """Draw a plot and save it to a file.

    The forest plot shows p-values, so it is recorded as a look at its comparisons.

    Args:
        name: A plot's name, or the path of a Python file that defines ``data`` and ``draw``.
        folders: The folders of the studies, whose runs are pooled.
        out: The file; its suffix is the format. None selects ``STUDY/report/NAME.png``, or a file
            in a folder of that named after the query and the options.
        where: A query that selects runs, such as ``"lr > 0.01"``; None selects all.
        options: The plot's options, such as ``{"metric": "test_loss"}``.
        on_notice: Called with a message if the looks cannot be recorded.

    Returns:
        The path of the file.

    Raises:
        ConfigError: If the plot, an option, the file's suffix or the query is invalid.
        StoreError: If a study is damaged or the file cannot be written.
    """
    plot = plots.find_plot(name)
    options = options or {}
    for option in options:
        _check_option(name, option, list(plot.options))
    conditions = [*([where] if where else []), *(f"{k}={v}" for k, v in options.items())]
    path = _output_path(out, Path(name).stem, report_folder(folders, conditions))
    table = _select(folders, where)
    data = plot.data(table, **options)
    if plot is plots.PLOTS["forest"]:
        looks = unrecorded_looks(data, table.looks)
        for problem in filter(None, (add_looks(folder, looks) for folder in folders)):
            on_notice(problem)
    figure = plot.draw(data)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        plots.save(figure, path, path.suffix[1:], path.stem)
    except OSError as error:
        raise StoreError(f"Cannot write {path}: {error.strerror or error}.") from None
    return path


def _check_option(plot: str, option: str, known: Sequence[str]) -> None:
    if option not in known:
        listed = ", ".join(f"--{name}" for name in known) or "none"
        raise ConfigError(f"The plot {plot} has no --{option}. Its options: {listed}.")


def _output_path(out: str | None, plot: str, folder: Path) -> Path:
    path = expand_user(out) if out else folder / f"{plot}.png"
    suffix = path.suffix[1:].lower()
    if suffix not in plots.FORMATS:
        raise ConfigError(
            f"--out {out}: the file's name must end in .{', .'.join(plots.FORMATS)}."
            f"{nearest(suffix, plots.FORMATS)}"
        )
    if path.is_dir():
        raise ConfigError(f"--out {out} is a folder. Name a file, such as {path}/{plot}.png.")
    return path.with_suffix(f".{suffix}")


def _select(folders: Sequence[Address], where: str | None) -> RunTable:
    """Return one table of those runs of the studies that match the query."""
    table = load_table(folders)
    if not where:
        return table
    met = matches(table.runs, where)
    if not met.any():
        raise ConfigError(no_match_of_query(where, table.runs))
    return table.where(met)
