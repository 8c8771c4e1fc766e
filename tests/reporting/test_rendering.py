"""Plots as files and as SVG elements of a page."""

import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure

from adamcmp.plots import NothingToDraw
from adamcmp.plots.drawing.styles import tag_optimizer
from adamcmp.reporting import rendering
from adamcmp.reporting.rendering import RenderedPlot, inline_svg, render_plots

SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="360pt"
  height="72pt" viewBox="0 0 360 72"><metadata>who</metadata><defs><style>* {stroke: red}</style>
<path id="m"/></defs><g id="optimizer:adam_l2, cosine"><use xlink:href="#m" clip-path="url(#c)"/>
</g><g id="optimizer:other"/><a xlink:href="https://example.org"/></svg>"""


def elements(svg):
    return {element.tag.rpartition("}")[2]: element for element in ET.fromstring(svg).iter()}


def test_ids_are_unique_on_the_page():
    inlined = elements(inline_svg(SVG, "p", ["adam", "adam_l2"]))
    assert inlined["path"].get("id") == "p-m"
    assert sorted(inlined["use"].attrib.values()) == ["#p-m", "url(#p-c)"]
    assert [*inlined["a"].attrib.values()] == ["https://example.org"]


def test_styles_and_sizes_do_not_affect_the_page():
    svg = inline_svg(SVG, "p", [])
    root = elements(svg)["svg"]
    assert "style>" not in svg and "metadata" not in svg and "ns0:" not in svg
    assert root.get("style") == "--natural: 480px" and root.get("viewBox") == "0 0 360 72"
    assert root.get("width") is None and root.get("height") is None


def test_artists_are_named_after_the_optimizer():
    svg = inline_svg(SVG, "p", ["adam", "adam_l2"])
    names = [e.get("data-optimizer") for e in ET.fromstring(svg).iter() if e.get("data-optimizer")]
    assert names == ["adam_l2", "other"] and "optimizer:" not in svg


@pytest.mark.parametrize(("points", "wide"), [(360, False), (361, True)])
def test_wide_plots(points, wide):
    svg = inline_svg(SVG.replace("360pt", f"{points}pt"), "p", [])
    assert RenderedPlot("p", "", "", svg).wide == wide
    assert not RenderedPlot("p", "", "").wide


def plot(name, figure):
    return SimpleNamespace(name=name, title=name, caption="", figure=figure)


def test_a_plot_that_fails_is_returned_with_the_reason(monkeypatch, tmp_path, caplog):
    def drawn(table):
        figure = Figure(figsize=(2, 1))
        (line,) = figure.subplots().plot([0, 1])
        tag_optimizer(line, "adamw")
        return figure

    def unsuitable(table):
        raise NothingToDraw("There is one run.")

    plots = [plot("drawn", drawn), plot("none", unsuitable), plot("broken", lambda table: 1 / 0)]
    monkeypatch.setattr(rendering, "PLOTS", {p.name: p for p in plots})
    drawn, none, broken = render_plots(SimpleNamespace(optimizers=("adamw",)), tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(drawn.files) and len(drawn.files) == 3
    assert 'data-optimizer="adamw"' in drawn.svg and not drawn.missing_reason
    assert none.missing_reason == "There is one run." and not none.svg and not none.files
    assert broken.missing_reason == "It failed: ZeroDivisionError: division by zero"
    assert broken.error == "ZeroDivisionError: division by zero" and not none.error
    assert "The plot broken failed" in caplog.text and "Traceback" in caplog.text
