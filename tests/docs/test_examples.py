"""The examples of the README and of the site's pages run, at a small scale."""

import importlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.parent.name != "reference"),
]
#: Sizes of the examples -> sizes that test the same code. A page takes seconds instead of minutes.
SMALLER = {
    r"\b(epochs|steps|seeds)(=|: )\d+": r"\1\g<2>2",
    r"\bn=\d+": "n=2",
    r"space\(([^,()]+),([^,()]+),\d+\)": r"space(\1,\2,2)",
}


@pytest.fixture
def page_examples(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("page_examples")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_run(page, page_examples, monkeypatch):
    monkeypatch.delenv("ADAMCMP_RESULTS")
    for example in page_examples.examples(page.read_text(encoding="utf-8")):
        page_examples.run(replace(example, code=smaller(example.code)), Path.cwd())


def smaller(code):
    """Return an example at a small scale.

    >>> smaller("adamcmp sweep 'lr=logspace(1e-4,1e-1,7)' seeds=5 epochs=60")
    "adamcmp sweep 'lr=logspace(1e-4,1e-1,2)' seeds=2 epochs=2"
    """
    for pattern, replacement in SMALLER.items():
        code = re.sub(pattern, replacement, code)
    return code
