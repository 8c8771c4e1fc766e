"""The page in a browser: the first screen, controls, folded tables, layout, names as text.

One of these tests is not slow, so that the default tests run the scripts of a page.
"""

import importlib
import os
import re
import sys
from pathlib import Path

import pytest

from adamcmp.plots import PLOTS
from adamcmp.reporting import rendering, report
from adamcmp.reporting.formats import as_latex
from adamcmp.storage import reader
from tests.support.required import require, require_package

require_package("playwright")
sync_api = importlib.import_module("playwright.sync_api")
ROOT = Path(__file__).parents[2]
#: The browser of the system. If it is missing, that of playwright is used, if installed.
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
#: The plots of the larger report; the other one has all plots.
SOME_PLOTS = ("heatmap", "learning_curves", "sensitivity")
HOSTILE = "</script><img src=x onerror=alert(1)>"


def write_synthetic_study(folder, overrides, edit=lambda run: None, evaluations=4):
    """Write a synthetic study, each run's row edited."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        synthetic = importlib.import_module("synthetic_study")
    finally:
        sys.path.remove(str(ROOT / "scripts"))

    def rows():
        for run, curve in synthetic.synthetic_runs(overrides, evaluations):
            edit(run)
            yield run, curve

    synthetic.write(folder, overrides, rows())
    return folder


def svg_report(folder, plots=tuple(PLOTS)):
    """Write a report whose plots are SVG only, since the page shows no other format."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendering, "FORMATS", ("svg",))
        patch.setattr(rendering, "PLOTS", {name: PLOTS[name] for name in plots})
        return report([folder])


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        path = str(CHROMIUM) if CHROMIUM.exists() else None
        try:
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except sync_api.Error as error:
            require(False, f"There is no browser: {str(error).splitlines()[0]}.")
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def grid_report(tmp_path_factory):
    """A report of 192 runs, some of them diverged."""
    overrides = ["optimizer=adam_l2,adamw,sgd,sgdw", "lr=logspace(1e-3,10,4)"]
    overrides += ["wd=logspace(1e-5,1e-1,3)", "seeds=4"]
    return svg_report(
        write_synthetic_study(tmp_path_factory.mktemp("results") / "grid", overrides), SOME_PLOTS
    )


@pytest.fixture
def open_page(browser):
    """Return a function that opens a page; fail for console errors, requests and alerts."""
    contexts, wrong = [], []

    def open_at_width(folder, width=1280, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        address = (folder / "index.html").as_uri()
        page.on("request", lambda request: request.url == address or wrong.append(request.url))
        page.goto(address)
        return page

    yield open_at_width
    for context in contexts:
        context.close()
    assert not wrong


def column(page, table, label):
    """Return a table's shown texts under a heading."""
    at = page.locator(f"#table-{table} thead th").evaluate_all(
        "(all, label) => all.findIndex((th) => th.textContent.startsWith(label))", label
    )
    cells = page.locator(f"#table-{table} tbody tr:visible td:nth-child({at + 1})")
    return cells.all_inner_texts()


def unfold(page):
    """Open everything that is folded."""
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")


def box(page, optimizer):
    return page.get_by_role("checkbox", name=optimizer, exact=True)


def heading(page, label):
    return page.locator("#table-summary thead th", has_text=label).first


def test_seeds_that_were_not_used_for_selection_do_not_change_a_cell(
    tmp_path, quick_reports, open_page
):
    overrides = ["optimizer=adamw", "lr=1e-3,1e-2", "wd=1e-3,1e-2", "seeds=2"]
    folder = write_synthetic_study(tmp_path / "s", overrides)
    write_synthetic_study(folder, ["optimizer=adamw", "lr=1e-2", "wd=1e-2", "seed=2,3,4"])
    runs = reader.load(folder)[0]
    cell = runs[(runs["lr"] == 1e-2) & (runs["wd"] == 1e-2)]
    assert len(cell) == 5
    middle = cell.loc[cell["seed"] < 2, "test_error"].mean()
    page = open_page(report([folder]).folder)
    page.locator("#cells td.picked").hover()
    tip = page.locator("#tip").inner_text()
    assert f"mean test error (%) {100 * middle:.3g} over 2 of 5 seeds" in tip
    assert page.locator("#tip tbody tr").count() == 5


@pytest.mark.slow
class TestFirstScreen:
    @pytest.mark.parametrize(
        ("width", "picture"), [(1400, "#cells .map >> nth=3"), (390, ".forest")]
    )
    def test_holds_the_verdict_the_pairs_and_a_picture(
        self, grid_report, open_page, width, picture
    ):
        page = open_page(grid_report.folder, width)
        for part in (".verdict", ".forest tbody tr >> nth=5", picture):
            box = page.locator(part).bounding_box()
            assert box["y"] + box["height"] <= 844, part

    def test_the_pairs_are_those_of_the_verdict(self, grid_report, open_page):
        page = open_page(grid_report.folder)
        (verdict,) = grid_report.answer.verdicts
        rows = page.locator(".forest tbody tr")
        better = [bool(row["better"]) for row in verdict.rows]
        assert rows.evaluate_all(
            "(all) => all.map((row) => !row.classList.contains('unclear'))"
        ) == (better)
        # Each estimate is drawn between the ends of its interval.
        for row in rows.all():
            interval, estimate = (
                row.locator(f".{part}").bounding_box() for part in ("interval", "estimate")
            )
            middle = estimate["x"] + estimate["width"] / 2
            assert interval["x"] < middle < interval["x"] + interval["width"]
        page.get_by_text("Each pair in a sentence").click()
        assert page.get_by_text(verdict.pairs[0][:60]).is_visible()


@pytest.mark.slow
class TestTables:
    def test_sort_by_click_and_keyboard(self, grid_report, open_page):
        page = open_page(grid_report.folder)
        button = heading(page, "test error").locator("button")
        button.click()
        up = column(page, "summary", "test error")
        assert [float(t.split()[0]) for t in up] == sorted(float(t.split()[0]) for t in up)
        assert heading(page, "test error").get_attribute("aria-sort") == "ascending"
        button.press("Enter")
        assert column(page, "summary", "test error") == up[::-1]
        assert heading(page, "test error").get_attribute("aria-sort") == "descending"
        heading(page, "optimizer").locator("button").press("Space")
        assert column(page, "summary", "optimizer") == ["Adam+L2", "AdamW", "SGD", "SGDW"]
        assert page.locator("#table-summary [aria-sort]").count() == 1

    def test_are_folded_with_their_headline_visible(self, grid_report, open_page):
        page = open_page(grid_report.folder)
        shown = [table for table in grid_report.answer.tables if table.data is not None]
        for table in shown[1:]:
            statistic = page.locator(f"#statistic-{table.name}")
            assert not statistic.locator("table").is_visible()
            assert table.headlines[0] in statistic.inner_text().replace("\u00a0", " ")
            statistic.locator("summary").click()
            assert statistic.locator("table").is_visible()

    def test_the_summary_has_a_latex_version(self, grid_report, open_page):
        page = open_page(grid_report.folder)
        page.get_by_text("As LaTeX").click()
        text = page.locator("#summary code").inner_text()
        assert text.strip() == as_latex(grid_report.answer.summary).strip()

    def test_downloads_hold_the_tables(self, grid_report, open_page):
        page = open_page(grid_report.folder)
        with page.expect_download() as download:
            page.locator("#downloads a", has_text="summary.csv").click()
        text = Path(download.value.path()).read_text()
        assert text == (grid_report.folder / "summary.csv").read_text()


@pytest.mark.slow
class TestControls:
    def test_a_hidden_optimizer_is_shown_nowhere(self, grid_report, open_page):
        page = open_page(grid_report.folder)
        parts = page.locator("svg [data-optimizer=adamw]")
        shown = parts.locator("visible=true").count()
        assert shown > 3 and page.locator("#strip circle").count() == 16
        box(page, "AdamW").uncheck()
        assert parts.locator("visible=true").count() == 0
        assert "AdamW" not in column(page, "summary", "optimizer")
        assert page.locator("#cells caption:visible").all_inner_texts() == [
            "Adam+L2",
            "SGD",
            "SGDW",
        ]
        assert page.locator("#strip circle").count() == 12
        assert page.locator(".forest tbody tr:visible").count() == 3
        unfold(page)
        rows = page.locator("#statistics tbody tr:visible").evaluate_all(
            "(all) => all.map((row) => [...row.cells].map((cell) => cell.innerText))"
        )
        assert rows and not any("AdamW" in row for row in rows)
        box(page, "AdamW").check()
        assert parts.locator("visible=true").count() == shown

    def test_the_metric_applies_to_cells_strip_and_tables(self, grid_report, open_page):
        page = open_page(grid_report.folder)
        unfold(page)
        assert set(column(page, "comparisons", "metric")) == {"test error (points)"}
        cell = page.locator("#cells td.picked").first
        before = cell.get_attribute("aria-label")
        page.locator("#metric").select_option("gap_loss")
        assert set(column(page, "comparisons", "metric")) == {"gap in loss"}
        assert page.locator("#cells td.picked").first.get_attribute("aria-label") != before
        assert "gap in loss" in page.locator("#strip figcaption").inner_text()
        assert "gap in loss" in page.locator("#strip svg").get_attribute("aria-label")

    def test_selections_are_kept_when_the_page_reloads(self, grid_report, open_page):
        page = open_page(grid_report.folder)
        box(page, "SGDW").uncheck()
        page.locator("#metric").select_option("val_loss")
        page.reload()
        assert page.locator("#metric").input_value() == "val_loss"
        assert "SGDW" not in column(page, "summary", "optimizer")


@pytest.mark.slow
def test_readers_see_one_name_of_each_optimizer(grid_report, open_page):
    page = open_page(grid_report.folder)
    unfold(page)
    # Commands and settings have the names that a user types.
    page.evaluate("document.querySelectorAll('pre, #provenance').forEach((part) => part.remove())")
    shown = re.findall(r".*\b(?:adam_l2|adamw|sgdw?)\b.*", page.locator("body").inner_text())
    assert not shown


@pytest.mark.slow
class TestCells:
    def test_a_small_grid_has_numbers(self, grid_report, open_page):
        page = open_page(grid_report.folder)
        cells = page.locator("#cells td[role=gridcell]:not(.lost)")
        for cell in cells.all()[:5]:
            assert cell.get_attribute("aria-label").endswith(f": {cell.inner_text()}")
        assert (
            "or more (the highest 5 % of the cells)" in page.locator("#cells .scale").inner_text()
        )

    def test_a_cell_shows_its_runs(self, grid_report, open_page):
        page = open_page(grid_report.folder)
        runs = grid_report.answer.runs
        best = page.locator("#cells [data-optimizer=adamw] td.picked")
        for show in (best.hover, best.focus, best.click):
            page.mouse.move(0, 0)
            show()
            tip = page.locator("#tip")
            assert tip.is_visible() and tip.locator("tbody tr").count() == 4
            ids = {row.split()[-1] for row in tip.locator("tbody tr").all_inner_texts()}
            assert ids <= set(runs.loc[runs["optimizer"] == "adamw", "run_id"])
            assert "done" in tip.inner_text() and "test error" in tip.inner_text()
            assert best.get_attribute("aria-describedby") == "tip"
            page.keyboard.press("Escape")
            assert not tip.is_visible()
            best.blur()

    def test_a_diverged_cell_is_labelled(self, grid_report, open_page):
        page = open_page(grid_report.folder)
        diverged = page.locator("#cells td.lost").first
        assert "diverged" in diverged.get_attribute("aria-label")
        diverged.hover()
        assert "diverged" in page.locator("#tip tbody").inner_text()

    def test_arrow_keys_move_between_cells(self, grid_report, open_page):
        page = open_page(grid_report.folder)
        first = page.locator("#cells td[role=gridcell]").first
        first.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        at = "[document.activeElement.parentElement.rowIndex, document.activeElement.cellIndex]"
        assert page.evaluate(at) == [1, 2]
        for _ in range(9):
            page.keyboard.press("ArrowLeft")
        assert page.evaluate(at) == [1, 1]


@pytest.mark.slow
class TestLayout:
    @pytest.mark.parametrize("width", [390, 1280])
    def test_nothing_overflows(self, grid_report, open_page, width):
        page = open_page(grid_report.folder, width)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for cell in (
            page.locator("#cells td[role=gridcell]").first,
            page.locator("td.picked").last,
        ):
            cell.focus()
            box = page.locator("#tip").bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width

    def test_what_is_wider_than_the_page_says_so(self, grid_report, open_page):
        page = open_page(grid_report.folder, 390)
        wide = page.locator("#table-summary").locator("..")
        assert "is-wide" in wide.get_attribute("class")
        hint = wide.evaluate("(element) => getComputedStyle(element, '::before').content")
        assert "Scroll sideways" in hint
        page.set_viewport_size({"width": 1280, "height": 900})
        page.wait_for_function(
            "!document.querySelector('#table-summary').parentElement.matches('.is-wide')"
        )

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_text_has_contrast(self, grid_report, open_page, scheme):
        page = open_page(grid_report.folder, scheme=scheme)
        unfold(page)
        page.locator("#cells td[role=gridcell]").first.focus()
        ratios = page.evaluate(CONTRASTS)
        assert len(ratios) > 100
        assert not [actual for actual in ratios if actual[0] < 4.5]

    def test_the_theme_can_be_switched(self, grid_report, open_page):
        page = open_page(grid_report.folder)
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        button = page.locator("#theme")
        button.click()
        assert page.evaluate(ground) != light and button.inner_text() == "Light theme"
        page.reload()
        assert page.evaluate(ground) != light
        button.click()
        assert page.evaluate(ground) == light

    def test_it_prints(self, grid_report, open_page):
        page = open_page(grid_report.folder, scheme="dark")
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        assert not page.locator(".tools").is_visible() and not page.locator("nav").is_visible()
        assert page.locator("#table-summary").is_visible() and len(page.pdf()) > 20_000
        assert page.locator("details:not([open])").count() == 0  # what is folded is printed too


#: The contrast (WCAG 2) of every visible text with its background, and the text. Plots of
#: matplotlib have a background and are left out.
CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (css) => {
    if (!known.has(css)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = css;
      canvas.fillRect(0, 0, 1, 1);
      known.set(css, [...canvas.getImageData(0, 0, 1, 1).data].map((v) => v / 255));
    }
    return known.get(css);
  };
  const luminance = ([r, g, b]) => [[0.2126, r], [0.7152, g], [0.0722, b]].reduce((sum, [share, v]) =>
    sum + share * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4), 0);
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.push(rgba(getComputedStyle(at).backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    return layers.reduceRight((under, [r, g, b, a]) =>
      [r, g, b].map((v, i) => v * a + under[i] * (1 - a)), [1, 1, 1]);
  };
  const actual = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
    if (!text || element.closest("script, .paper") || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const ink = rgba(element.closest("svg") ? style.fill : style.color);
    const [a, b] = [luminance(ink), luminance(ground(element))].sort((x, y) => y - x);
    actual.push([(a + 0.05) / (b + 0.05), text.slice(0, 40)]);
  }
  return actual;
}"""


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory):
    def rename(run):
        run["dataset.path"] = f"{run['wd']}{HOSTILE}"
        run["dataset"] = HOSTILE
        run["optimizer"] += f" {HOSTILE} ' \" $x_1$ &amp;"
        run["hardware"] = HOSTILE

    folder = tmp_path_factory.mktemp("results") / HOSTILE.replace("/", "\u2215")
    overrides = ["optimizer=adam_l2,adamw", "lr=1e-3,1e-2", "wd=1e-3,1e-2", "seeds=2"]
    return svg_report(write_synthetic_study(folder, overrides, rename))


@pytest.mark.slow
class TestHostileNames:
    """Text from data or config is never parsed as HTML."""

    def test_are_text(self, hostile_report, open_page):
        page = open_page(hostile_report.folder)
        assert page.locator("img").count() == 0
        assert page.locator("script").count() == 2
        assert page.locator("[onerror], [onload], [onclick]").count() == 0
        unfold(page)
        text = page.locator("body").inner_text()
        assert text.count(HOSTILE) > 8
        assert HOSTILE in page.locator("svg").first.text_content()
        cell = page.locator("#cells td[role=gridcell]").first
        cell.focus()
        assert HOSTILE in page.locator("#tip").inner_text()

    def test_can_be_hidden(self, hostile_report, open_page):
        page = open_page(hostile_report.folder)
        name = f"AdamW {HOSTILE} ' \" $x_1$ &amp;"
        assert name in column(page, "summary", "optimizer")
        box(page, name).uncheck()
        assert name not in column(page, "summary", "optimizer")
        assert page.locator("#plots svg [data-optimizer]:visible").evaluate_all(
            "(all, name) => all.every((part) => part.dataset.optimizer !== name)",
            name.replace("AdamW", "adamw"),
        )


@pytest.mark.slow
def test_the_file_is_small_and_ids_are_unique(hostile_report, open_page):
    assert (hostile_report.folder / "index.html").stat().st_size < 3e6
    page = open_page(hostile_report.folder)
    ids = page.locator("[id]").evaluate_all("(all) => all.map((element) => element.id)")
    assert len(ids) == len(set(ids)) > 100
    references = page.evaluate(
        """[...document.querySelectorAll("svg [clip-path], svg use")].map((element) =>
          (element.getAttribute("clip-path") ?? element.href.baseVal).replace(/^url.#|^#|.$/g,
            (part) => part.length === 1 && part !== "#" && part !== ")" ? part : ""))"""
    )
    assert references and set(references) <= set(ids)


@pytest.mark.slow
def test_the_page_of_400_runs_is_below_5_megabytes(tmp_path):
    overrides = ["optimizer=adam_l2,adamw,sgd,sgdw", "lr=logspace(1e-3,10,5)"]
    overrides += ["wd=logspace(1e-5,1e-1,5)", "seeds=4"]
    written = svg_report(write_synthetic_study(tmp_path / "grid", overrides))
    assert len(written.answer.runs) == 400
    assert (written.folder / "index.html").stat().st_size < 5e6
