"""The reference pages cover commands, settings, components, columns, plots and public names."""

import importlib
from pathlib import Path

import pytest

import adamcmp
from adamcmp import analysis
from adamcmp.cli import COMMANDS, command_module
from adamcmp.components.names import CONFIG_GROUP_NAMES, OPTIONS_OF
from adamcmp.components.optimizers import Rule
from adamcmp.config import COMPONENT_GROUPS
from adamcmp.config.sections import TOP_LEVEL_SECTIONS
from adamcmp.plots import PLOTS
from adamcmp.storage.columns import EXAMPLE_COLUMNS, METRIC_COLUMNS, run_columns
from adamcmp.workflows.components import list_components

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return the text of each page by its name."""
    folder = tmp_path_factory.mktemp("docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS)
        importlib.import_module("reference_pages").write(folder)
    return {page.stem: page.read_text(encoding="utf-8") for page in folder.rglob("*.md")}


def test_commands(pages):
    for name in COMMANDS:
        assert f"## adamcmp {name}\n" in pages["commands"]
        assert all(flag in pages["commands"] for flag in command_module(name).parser().flags)


def test_settings(pages):
    for section in TOP_LEVEL_SECTIONS.values():
        for field in section.model_fields:
            assert f"| `{field}` |" in pages["settings"] or field == "eval"
    for name in CONFIG_GROUP_NAMES:
        for component in list_components(name)[name]:
            assert f"\n### {component}\n" in pages["components"]
    own_options = {k: group for k, group in COMPONENT_GROUPS.items() if k not in OPTIONS_OF}
    for name, group in own_options.items():
        for component in group.names:
            for field in group.component(component).model_fields.keys() - {"name", "rule"}:
                assert f"| `{name}.{field}` |" in pages["components"]


def test_rules(pages):
    for name in COMPONENT_GROUPS["optimizer"].names:
        rule = COMPONENT_GROUPS["optimizer"].component(name)
        if issubclass(rule, Rule):
            assert rule.defaults_from, name
            assert pages["rules"].count(f"| `{name}` |") == 2 + len(
                {*rule.refused_couplings.values()}
            )
            assert all(f"{reason}." in pages["rules"] for reason in rule.refused_couplings.values())


def test_columns(pages):
    for column in (*run_columns(), *METRIC_COLUMNS, *EXAMPLE_COLUMNS):
        assert f"| `{column}` |" in pages["columns"]


def test_plots_and_python_names(pages):
    assert all(f"\n## {name}\n" in pages["plots"] for name in PLOTS)
    for name in adamcmp.__all__:
        assert f":: adamcmp.{name}\n" in pages["python"]
    for name in set(analysis.__all__) - set(adamcmp.__all__):
        assert f":: adamcmp.analysis.{name}\n" in pages["python"]


def test_pages_are_written_only_if_they_change(pages, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    reference_pages = importlib.import_module("reference_pages")
    monkeypatch.setattr(reference_pages, "PAGES", {"one": ("One", "Text.", list)})
    reference_pages.write(tmp_path)
    written = (tmp_path / "reference" / "one.md").stat().st_mtime_ns
    reference_pages.write(tmp_path)
    assert (tmp_path / "reference" / "one.md").stat().st_mtime_ns == written
