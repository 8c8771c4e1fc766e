"""What the README and the pages say is right, as far as it can be tested without training."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, *(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("[gt]*/*.md")]


def commands(page):
    """Return the runs and sweeps in a page that need none of the reader's yaml files."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^adamcmp ((?:run|sweep) .*?)(?: +# .*)?$", text, re.MULTILINE)
    return [line for line in lines if "--config-dir" not in line]


@pytest.mark.parametrize("page", [*filter(commands, PAGES)], ids=lambda page: page.name)
def test_overrides_compose(page, composer):
    for line in commands(page):
        command, *arguments = shlex.split(line)
        overrides = [word for word in arguments if not word.startswith("-")]
        if any(word.startswith("sampler=") for word in overrides):
            assert composer.is_search(overrides)
        else:
            assert getattr(composer, command)(overrides).runs


def test_the_readme_is_one_page_with_the_present_figures(monkeypatch):
    readme = README.read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 120
    monkeypatch.syspath_prepend(ROOT / "scripts")
    assert readme == importlib.import_module("readme_figures").with_figures(readme)


def test_the_readme_needs_a_place_for_the_figures(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    with pytest.raises(SystemExit, match="exactly one place for 'reference study', not 0"):
        importlib.import_module("readme_figures").with_figures("no marks")
