"""SECURITY.md names the tests that hold what it says."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"`(tests/[\w/.]+\.py(?:::\w+)+)`", (ROOT / "SECURITY.md").read_text("utf-8"))


@pytest.mark.parametrize("test", NAMED)
def test_each_named_test_exists(test):
    file, *names = test.split("::")
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    for name in names:
        (definition,) = (node for node in body if getattr(node, "name", None) == name)
        body = definition.body


def test_each_point_names_a_test():
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    table = page.partition("|---|---|\n")[2].partition("\n\n")[0]
    points = table.splitlines()
    assert len(points) > 10
    assert all("::test_" in point for point in points)
