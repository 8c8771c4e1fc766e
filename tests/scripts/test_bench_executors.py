"""The table of executors in the documentation."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_has_the_measured_numbers():
    page = (ROOT / "docs/guides/workers.md").read_text(encoding="utf-8")
    _, _, rest = page.partition("<!-- executors -->\n")
    heading, _, *lines = rest.partition("<!-- end -->")[0].strip().splitlines()
    numbers = json.loads((ROOT / "results/benchmarks/executors.json").read_text())
    assert heading.startswith(f"300 runs in {numbers['groups']} groups on one machine")
    assert numbers["machine"]["date"] in heading and numbers["machine"]["adamcmp"] in heading
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    names, _, *rows = cells
    assert [dict(zip(names, row, strict=True)) for row in rows] == numbers["rows"]
