"""Render plots as files, and as SVG elements of an HTML page."""

from __future__ import annotations

import io
import logging
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adamcmp.analysis import RunTable
from adamcmp.errors import AdamcmpError
from adamcmp.platform.files import write_atomically
from adamcmp.plots import FORMATS, PLOTS, Plot, save

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_NATURAL_WIDTH = re.compile(r"--natural: (\d+)px")
#: Plots wider than this many CSS pixels take both columns of the page.
_COLUMN_PIXELS = 480
#: The start of the id of an optimizer's artists; see `adamcmp.plots.drawing.styles`.
_OPTIMIZER_TAG = "optimizer:"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RenderedPlot:
    """A plot of a report.

    Attributes:
        name: The name of its files, without a suffix.
        title: The title of the plot.
        caption: Explains the content of the plot and its computation.
        svg: The SVG element for the page; empty if the plot was not drawn.
        missing_reason: Why the plot was not drawn; empty if it was.
        error: The error because of which it was not drawn; empty if there was none.
        files: The files that were written.
    """

    name: str
    title: str
    caption: str
    svg: str = ""
    missing_reason: str = ""
    error: str = ""
    files: tuple[Path, ...] = ()

    @property
    def wide(self) -> bool:
        """Whether it is wider than a column of the page."""
        width = _NATURAL_WIDTH.search(self.svg)
        return width is not None and int(width[1]) > _COLUMN_PIXELS


def render_plots(table: RunTable, folder: Path) -> tuple[RenderedPlot, ...]:
    """Draw every plot into a folder.

    A plot that does not apply to the runs, or that fails, is returned with the reason.

    Raises:
        OSError: If the folder cannot be written.
    """
    return tuple(_render(plot, table, folder) for plot in PLOTS.values())


def _render(plot: Plot, table: RunTable, folder: Path) -> RenderedPlot:
    try:
        contents = _contents(plot, table)
    except AdamcmpError as error:
        return RenderedPlot(plot.name, plot.title, plot.caption, missing_reason=str(error))
    except Exception as error:  # an error in one plot must not prevent the report
        logger.exception("The plot %s failed. The report is written without it.", plot.name)
        text = f"{type(error).__name__}: {error}"
        reason = f"It failed: {text}"
        return RenderedPlot(plot.name, plot.title, plot.caption, missing_reason=reason, error=text)
    files = tuple(folder / f"{plot.name}.{suffix}" for suffix in contents)
    for file, content in zip(files, contents.values(), strict=True):
        write_atomically(file, content)
    svg = inline_svg(contents["svg"].decode(), plot.name, table.optimizers)
    return RenderedPlot(plot.name, plot.title, plot.caption, svg, files=files)


def _contents(plot: Plot, table: RunTable) -> dict[str, bytes]:
    """Return the plot's files by suffix."""
    figure = plot.figure(table)
    buffers = {suffix: io.BytesIO() for suffix in FORMATS}
    for suffix, buffer in buffers.items():
        save(figure, buffer, suffix, plot.name)
    return {suffix: buffer.getvalue() for suffix, buffer in buffers.items()}


def inline_svg(svg: str, prefix: str, optimizers: Sequence[str]) -> str:
    """Return an SVG of matplotlib as an element of an HTML page.

    Ids are unique on the page, styles apply to this SVG only, and its size follows the page.
    Elements of an optimizer have its name in ``data-optimizer``.

    Args:
        svg: The SVG text that matplotlib writes.
        prefix: The prefix of all ids, such as the plot's name.
        optimizers: The names of all optimizers.
    """
    root = ET.fromstring(svg)
    # The styles of an inline SVG would apply to the whole page.
    for parent in (root, *root.findall(f"{{{_SVG}}}defs")):
        for child in [c for c in parent if c.tag in (f"{{{_SVG}}}style", f"{{{_SVG}}}metadata")]:
            parent.remove(child)
    for element in root.iter():
        _prefix_ids(element.attrib, prefix)
        _name_optimizer(element.attrib, optimizers)
    # A point of matplotlib is 1/72 inch, a CSS pixel 1/96 inch.
    width = float(root.attrib.pop("width").removesuffix("pt")) / 72 * 96
    # The height follows from the width and the view box.
    root.attrib.pop("height")
    root.set("style", f"--natural: {width:.0f}px")
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}-title")
    # Otherwise ElementTree writes each tag with the prefix ns0.
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _XLINK)
    return ET.tostring(root, encoding="unicode")


def _prefix_ids(attributes: dict[str, str], prefix: str) -> None:
    """Put a prefix before an element's id and the ids that it refers to."""
    for name, value in attributes.items():
        if name == "id":
            attributes[name] = f"{prefix}-{value}"
        elif name == f"{{{_XLINK}}}href" and value.startswith("#"):
            attributes[name] = f"#{prefix}-{value[1:]}"
        elif "url(#" in value:
            attributes[name] = _REFERENCE.sub(rf"url(#{prefix}-\1)", value)


def _name_optimizer(attributes: dict[str, str], optimizers: Sequence[str]) -> None:
    """Replace the id of an optimizer's artist, which several share, by ``data-optimizer``."""
    _, tag, name = attributes.get("id", "").partition(_OPTIMIZER_TAG)
    if tag:
        del attributes["id"]
        # A plot may append to the name, such as the schedule.
        known = [optimizer for optimizer in optimizers if name.startswith(optimizer)]
        # `adam` is also the start of `adam_l2`, so the longest match counts.
        attributes["data-optimizer"] = max(known, key=len, default=name)
