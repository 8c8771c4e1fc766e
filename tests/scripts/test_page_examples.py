"""The examples of pages are found, run in one folder, and their output is written into the page."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = """\
```yaml
# mine/a.yaml
name: a
```

A comment of the page.

```bash
cat mine/a.yaml | tail -1
```

```text
old output
```

<!-- not run -->
```bash
exit 1
```

```python
print(open("mine/a.yaml").read().count("a"))
```

Not an output:

```text
kept
```
"""


@pytest.fixture
def page_examples(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("page_examples")


def test_examples_run_in_one_folder(page_examples, tmp_path):
    found = [*page_examples.examples(PAGE)]
    assert [(e.language, e.file, bool(e.output)) for e in found] == [
        ("yaml", "mine/a.yaml", False),
        ("bash", None, True),
        ("python", None, False),
    ]
    assert [page_examples.run(example, tmp_path) for example in found] == ["", "name: a\n", "4\n"]


def test_a_page_without_code_has_no_examples(page_examples):
    assert [*page_examples.examples("# Title\n")] == []


def test_an_example_that_fails_raises(page_examples, tmp_path):
    (failing,) = page_examples.examples("```bash\necho why >&2; exit 3\n```\n")
    with pytest.raises(RuntimeError, match="exit code 3\nwhy"):
        page_examples.run(failing, tmp_path)


def test_outputs_are_written_into_the_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    subprocess.run([sys.executable, ROOT / "scripts" / "docs_outputs", page], check=True)
    assert page.read_text() == PAGE.replace("old output", "name: a")


def test_an_output_that_is_cut_keeps_its_number_of_lines(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```bash\nseq 5\n```\n\n```text\n1\nold\n…\n```\n")
    subprocess.run([sys.executable, ROOT / "scripts" / "docs_outputs", page], check=True)
    assert page.read_text() == "```bash\nseq 5\n```\n\n```text\n1\n2\n…\n```\n"
