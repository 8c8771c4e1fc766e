"""Generate the pages of docs/reference/ from the code that they describe."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from adamcmp.cli import COMMANDS, command_module
from adamcmp.cli.reference import command_section
from adamcmp.plots import PLOTS
from reference_pages.columns import column_sections
from reference_pages.markdown import markdown_page, markdown_section, markdown_table, one_line
from reference_pages.python_api import python_sections
from reference_pages.rules import rule_sections
from reference_pages.settings import component_sections, setting_sections


class Page(NamedTuple):
    """A page: title, introduction, and a function that returns its sections."""

    title: str
    introduction: str
    sections: Callable[[], Sequence[str]]


def write(docs: Path) -> None:
    """Write the pages below `docs` whose text has changed, so that Sphinx reads only those anew."""
    folder = docs / "reference"
    folder.mkdir(exist_ok=True)
    for name, (title, introduction, sections) in PAGES.items():
        file, text = folder / f"{name}.md", markdown_page(title, introduction, *sections())
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def command_sections() -> list[str]:
    """Return the help of each command."""
    os.environ["COLUMNS"] = "80"  # argparse wraps lines at the width of the terminal
    return [command_section(command_module(name).parser()) for name in COMMANDS]


def plot_sections() -> list[str]:
    """Return the caption and the options of each plot."""
    sections = []
    for name, plot in PLOTS.items():
        rows = [
            [f"`--{option}`", f"`{value}`" if value else ""]
            for option, value in plot.options.items()
        ]
        options = markdown_table(["option", "default"], rows)
        sections.append(markdown_section(name, f"{plot.title}.", one_line(plot.caption), options))
    return sections


#: The pages by the names of their files.
PAGES = {
    "commands": Page(
        "Commands",
        "`adamcmp COMMAND --help` prints the section of a command.\n\n"
        "| exit code | meaning |\n"
        "|---|---|\n"
        "| 0 | success |\n"
        "| 1 | a run, a statistic or a plot failed, or another process is training a run |\n"
        "| 2 | invalid input |\n"
        "| 128 + n | signal n ended the command |",
        command_sections,
    ),
    "settings": Page(
        "Settings",
        "A setting is an override of a command, such as `epochs=60`, or a key of a study file. "
        "`adamcmp run --cfg job` prints all settings of a run with their values. "
        "[Components](components.md) lists the settings of datasets, models, optimizers, schedules "
        "and losses.",
        setting_sections,
    ),
    "components": Page(
        "Components",
        "A component is selected by its name, as in `optimizer=sgdw`, and its settings have the "
        "group's name as a prefix, as in `optimizer.momentum=0.9`. `adamcmp components` prints "
        "this list, and `adamcmp run --cfg job optimizer=sgdw` prints the settings of `sgdw`.",
        component_sections,
    ),
    "rules": Page(
        "Update rules",
        "Which [couplings of weight decay](../couplings.md) each rule has, and where its defaults "
        "are from. [Each rule with each coupling](../conformance.md) computes what an independent "
        "implementation computes. The formulas are in [Components](components.md).",
        rule_sections,
    ),
    "columns": Page(
        "Columns",
        "`results/STUDY/runs/*.parquet` has one row per run, `results/STUDY/metrics/*.parquet` "
        "one row per run and evaluation, and `results/STUDY/examples/*.parquet` one row per run, "
        "split and metric with what was measured of each example. `adamcmp.load(STUDY)` returns "
        "them as DataFrames. Their column names are a public interface: a change requires a new "
        "schema version. Errors and accuracies are fractions. Losses are means in nats "
        "(regression: in squared units of the target).",
        column_sections,
    ),
    "plots": Page(
        "Plots",
        "`adamcmp plot NAME STUDY` writes one of these plots. A report contains all plots that "
        "apply to its runs.",
        plot_sections,
    ),
    "python": Page(
        "Python API",
        "`import adamcmp` provides the commands as functions. `adamcmp.analysis` has the measures, "
        "and `adamcmp.plots` the plots. Names that this page does not list may change in any "
        "version.",
        python_sections,
    ),
}
