"""Plots as files, and as SVG that can stand in a page among others."""

from __future__ import annotations

import io
import logging
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pandas as pd

from adamcmp.errors import AdamcmpError
from adamcmp.platform.files import write_atomically
from adamcmp.plots import FORMATS, PLOTS, caption, line, save

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_NATURAL = re.compile(r"--natural: (\d+)px")
#: How plots mark what belongs to an optimizer: ``optimizer:<name>`` within an artist's gid.
_OF_OPTIMIZER = "optimizer:"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Picture:
    """A plot of the report.

    Attributes:
        name: Its file's name, without a suffix.
        title: What the plot is called.
        caption: What it shows, and how that was computed.
        svg: For a page; empty when there is nothing to draw.
        missing: Why there is nothing to draw; empty when there is.
        files: Where it was written.
    """

    name: str
    title: str
    caption: str
    svg: str = ""
    missing: str = ""
    files: tuple[Path, ...] = ()

    @property
    def wide(self) -> bool:
        """Whether it is wider than a column."""
        width = _NATURAL.search(self.svg)
        return width is not None and int(width[1]) > 480


def pictures(runs: pd.DataFrame, metrics: pd.DataFrame, folder: Path) -> tuple[Picture, ...]:
    """Draw every plot into `folder`.

    A plot that does not apply, or that fails, is a picture that says why.

    Raises:
        OSError: When the folder cannot be written.
    """
    optimizers = list(runs["optimizer"].unique())
    found = []
    for name, plot in PLOTS.items():
        title, about = line(plot).rstrip("."), caption(plot)
        contents = _contents(name, plot, runs, metrics)
        if isinstance(contents, str):
            found.append(Picture(name, title, about, missing=contents))
            continue
        files = tuple(folder / f"{name}.{suffix}" for suffix in contents)
        for file, content in zip(files, contents.values(), strict=True):
            write_atomically(file, content)
        svg = inline(contents["svg"].decode(), name, optimizers)
        found.append(Picture(name, title, about, svg, files=files))
    return tuple(found)


def _contents(
    name: str, plot: ModuleType, runs: pd.DataFrame, metrics: pd.DataFrame
) -> dict[str, bytes] | str:
    """Return a plot's files by suffix, or why there are none."""
    try:
        figure = plot.draw(plot.data(runs, metrics))
        buffers = {suffix: io.BytesIO() for suffix in FORMATS}
        for suffix, buffer in buffers.items():
            save(figure, buffer, suffix, name)
    except AdamcmpError as error:
        return str(error)
    except Exception as error:  # a plot may be the user's own; the others still stand
        logger.exception("The plot %s failed; the report goes on without it.", name)
        return f"It failed: {type(error).__name__}: {error}"
    return {suffix: buffer.getvalue() for suffix, buffer in buffers.items()}


def inline(svg: str, prefix: str, optimizers: Sequence[str]) -> str:
    """Return an SVG of matplotlib's that can stand in an HTML page beside others.

    Ids begin with `prefix`, so that no two pictures share one. What belongs to an optimizer has
    its name in ``data-optimizer``. The picture scales with the page, and styles no other element.

    Args:
        svg: As matplotlib writes it.
        prefix: The picture's own.
        optimizers: All names there are.
    """
    root = ET.fromstring(svg)
    for parent in (root, *root.findall(f"{{{_SVG}}}defs")):
        for child in [c for c in parent if c.tag in (f"{{{_SVG}}}style", f"{{{_SVG}}}metadata")]:
            parent.remove(child)
    for element in root.iter():
        _make_own(element.attrib, prefix, optimizers)
    width = float(root.attrib.pop("width").removesuffix("pt")) / 72 * 96
    root.attrib.pop("height")
    root.set("style", f"--natural: {width:.0f}px")
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}-title")
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _XLINK)
    return ET.tostring(root, encoding="unicode")


def _make_own(attributes: dict[str, str], prefix: str, optimizers: Sequence[str]) -> None:
    for name, value in attributes.items():
        if name == "id":
            attributes[name] = f"{prefix}-{value}"
        elif name == f"{{{_XLINK}}}href" and value.startswith("#"):
            attributes[name] = f"#{prefix}-{value[1:]}"
        elif "url(#" in value:
            attributes[name] = _REFERENCE.sub(rf"url(#{prefix}-\1)", value)
    _, mark, rest = attributes.get("id", "").partition(_OF_OPTIMIZER)
    if mark:
        # Artists of one optimizer share a gid, and an id is to be there once.
        del attributes["id"]
        known = [o for o in optimizers if rest.startswith(o)]
        attributes["data-optimizer"] = max(known, key=len, default=rest)
