"""Render the report as a self-contained HTML file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from importlib import resources

import jinja2

from adamcmp.analysis.wording import display_name, metric_heading
from adamcmp.plots.drawing.muting import MOST_COLORED, muted_optimizers, muting
from adamcmp.plots.drawing.styles import optimizer_styles
from adamcmp.reporting import provenance
from adamcmp.reporting.answer import Answer
from adamcmp.reporting.costs import cost_table
from adamcmp.reporting.formats import as_csv, as_latex
from adamcmp.reporting.page_data import measured_metrics, page_data
from adamcmp.reporting.pairs import pair_table
from adamcmp.reporting.rendering import RenderedPlot
from adamcmp.reporting.tables import Table, TableColumn, shown_columns

#: Plots whose content the page shows above the others, in the table of pairs and in the strip.
_DRAWN_ABOVE = ("forest", "strip")


def render_page(answer: Answer, plots: Sequence[RenderedPlot], refresh: float | None = None) -> str:
    """Return the page as HTML.

    Args:
        answer: The page's contents.
        plots: The plots of the page.
        refresh: Seconds after which a browser reloads the page; None for a static page.
    """
    muted = muted_optimizers(answer.table)
    with muting(muted):
        styles, data = optimizer_styles(answer.table.optimizers), page_data(answer.table)
    script = _read("drawings.js") + _read("page.js")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            answer=answer,
            plots=plots,
            refresh=refresh,
            styles=styles,
            muted=muted,
            problems=answer.table.problems,
            metrics=measured_metrics(answer.table),
            data=data,
            drawn_above=_DRAWN_ABOVE,
            varied=Table("varied", "What was varied", "", provenance.varied_settings(answer)),
            differing=_differing(answer),
            costs=cost_table(answer),
            provenance=provenance,
            css=_read("page.css"),
            script=script,
            # The content security policy of the page allows only the script with this hash.
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # NaN is not JSON, so a browser could not parse it.
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    environment.globals.update(
        shown_columns=shown_columns,
        row_optimizers=row_optimizers,
        pair_table=pair_table,
        display_name=display_name,
        metric_heading=metric_heading,
        as_csv=as_csv,
        as_latex=as_latex,
        data_uri=data_uri,
    )
    return environment


def _read(name: str) -> str:
    return (resources.files("adamcmp.reporting") / name).read_text(encoding="utf-8")


def _differing(answer: Answer) -> Table:
    headings = {"setting": "setting", "optimizer": "", "estimate": ""}
    data = provenance.differing_settings(answer)
    title = "What differs between optimizers"
    if data["optimizer"].nunique() > MOST_COLORED:  # too many columns
        listed = provenance.listed_settings(data)
        names = {"optimizer": "optimizer", "settings": "settings"}
        return Table("differing", title, "", listed, headings=names)
    return Table("differing", title, "", data, headings=headings, pivot="optimizer")


def row_optimizers(
    row: int, columns: Iterable[TableColumn], optimizers: Iterable[str]
) -> list[str]:
    """Return the optimizers that a row of a table compares, by which the page hides it."""
    known = set(optimizers)
    values = [c.values[row] for c in columns if not c.numeric and c.name not in known]
    return [value for value in values if value in known]


def data_uri(text: str) -> str:
    """Return csv text as a data URL."""
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(text.encode()).decode()
