"""The table of inspected optimizers in the documentation."""

import importlib
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module("inspection_table")


@pytest.mark.slow
def test_the_committed_table_is_current(script):
    page = script.PAGE.read_text(encoding="utf-8")
    assert script.with_table(page) == page


def test_the_page_needs_a_place_for_the_table(script):
    with pytest.raises(SystemExit, match="exactly one place for the table, not 0"):
        script.with_table("no marks")
