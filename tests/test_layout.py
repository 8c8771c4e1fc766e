"""Tests mirror the package: a test file names a module or package, and a module has a test file."""

import ast
import tomllib
from pathlib import Path

import pytest

import adamcmp
from tests import conftest
from tests.support.required import require_package

TESTS, PACKAGE = Path(__file__).parent, Path(adamcmp.__file__).parent

#: Folders and files of tests that are of no single module.
OF_SEVERAL_MODULES = {
    *("docs", "golden", "scenarios", "scripts", "version_0_1"),
    *("test_doctests.py", "test_layout.py", "test_packaging.py"),
}
#: Modules, or packages of modules, without test files of their own, and the reason.
WITHOUT_TEST_FILE = {
    "analysis/example.py": "examples in docstrings use it",
    "components/datasets": "tests/components/test_datasets.py tests each",
    "components/executors": "tests/components/test_executors.py tests each",
    "components/losses": "tests/components/test_losses.py tests each",
    "components/models": "tests/components/test_models.py tests each",
    "components/optimizers": "tests/components/test_optimizers.py tests each",
    "components/schedules": "tests/components/test_schedules.py tests each",
    "components/trackers": "tests/components/test_trackers.py tests each",
    "experiments/claims": "tests/experiments/test_claims.py tests each",
    "experiments/decay_plot.py": "tests/workflows/test_equivalence.py draws it",
    "experiments/landscape_plot.py": "tests/workflows/test_landscape.py draws it",
    "experiments/distance_plot.py": "tests/workflows/test_equivalence.py draws it",
    "plots/drawing": "tests/plots/test_drawing.py tests each",
    "training/engines/inductor_internals.py": "test_torch_internals.py compiles libraries",
    "training/engines/graph_passes.py": "test_torch_internals.py applies them to a traced graph",
    "training/engines/inductor_kernels.py": "test_products.py compiles with it",
    "training/engines/tracing.py": "test_torch_internals.py traces",
}


def test_each_test_file_names_a_module_or_package():
    files = [file.relative_to(TESTS) for file in TESTS.rglob("test_*.py")]
    mirrored = [file for file in files if file.parts[0] not in OF_SEVERAL_MODULES]
    assert [file for file in mirrored if not _tested(file)] == []


def test_each_module_with_functions_has_a_test_file():
    modules = [file.relative_to(PACKAGE) for file in PACKAGE.rglob("*.py") if _is_tested(file)]
    excepted = {module for module in modules if _exception(module)}
    missing = [module for module in modules if not _test_file(module).exists()]
    assert [str(module) for module in missing if module not in excepted] == []
    assert {_exception(module) for module in missing} - {""} == WITHOUT_TEST_FILE.keys()


def _tested(file: Path) -> bool:
    """Return whether a test file names a module, public or not, or a package."""
    name = file.stem.removeprefix("test_")
    folder = PACKAGE / file.parent
    names = (f"{name}.py", f"_{name}.py", f"{name}/__init__.py")
    return any((folder / candidate).exists() for candidate in names)


def _is_tested(file: Path) -> bool:
    """Return whether a module is public and has functions."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return not file.name.startswith("_") and any(isinstance(node, functions) for node in nodes)


def _test_file(module: Path) -> Path:
    return TESTS / module.parent / f"test_{module.name}"


def _exception(module: Path) -> str:
    """Return the entry of `WITHOUT_TEST_FILE` that a module belongs to; empty if there is none."""
    entries = (str(module), module.parent.as_posix())
    return next((entry for entry in entries if entry in WITHOUT_TEST_FILE), "")


def test_each_package_is_in_the_wheel():
    settings = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())["tool"]["setuptools"]
    packages = {
        ".".join(("adamcmp", *folder.parent.relative_to(PACKAGE).parts))
        for folder in PACKAGE.rglob("__init__.py")
    }
    assert set(settings["packages"]) == packages | {"adamcmp.configs"}


def test_tests_are_skipped_in_a_way_that_fails_in_ci():
    files = {str(file.relative_to(TESTS)): file.read_text() for file in TESTS.rglob("*.py")}
    name = "importor" + "skip("
    assert [file for file, text in files.items() if name in text] == []


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail), ("", pytest.skip)])
def test_a_test_that_cannot_run_here_fails_in_ci(ci, outcome, monkeypatch, request):
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome.Exception, match="no_such_package is not installed"):
        require_package("no_such_package")
    monkeypatch.setattr(conftest, "cpp_compiler", lambda: None)
    conftest.pytest_runtest_setup(request.node)  # this test needs no compiler
    request.node.add_marker(conftest.needs_compiler)
    with pytest.raises(outcome.Exception, match=r"no C\+\+ compiler"):
        conftest.pytest_runtest_setup(request.node)
