"""Provenance: the git commit of the working directory, and what compiling needs."""

import subprocess

import pytest

from adamcmp.platform import provenance


@pytest.fixture(autouse=True)
def clear_cache():
    """Clear the cache after each test, so that other tests do not get its commit."""
    yield
    provenance.software.cache_clear()


@pytest.fixture
def commit(tmp_path, monkeypatch):
    """Make the working directory a repository with one commit; return its hash."""
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "model.py").write_text("first")
    for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *arguments], check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return head.stdout.strip()


def recorded():
    provenance.software.cache_clear()
    software = provenance.software()
    return software["git_commit"], software["git_dirty"]


def test_commit_of_the_working_directory(commit, tmp_path):
    assert recorded() == (commit, False)
    (tmp_path / "results").write_text("untracked files are not code")
    assert recorded() == (commit, False)
    (tmp_path / "model.py").write_text("second")
    assert recorded() == (commit, True)


def test_outside_a_repository(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert recorded() == (None, None)
    monkeypatch.setenv("PATH", "")  # no git
    assert recorded() == (None, None)


def test_versions():
    import torch

    assert provenance.software()["torch_version"] == torch.__version__
    assert provenance.package_version("no-such-package") == "unknown"


def test_a_compiler_on_the_path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert provenance.cpp_compiler() is None and not provenance.compiler_available("cpu")
    for name in ("clang++", "g++", "my-compiler"):
        (tmp_path / name).touch(mode=0o755)
        monkeypatch.setenv("CXX", "my-compiler")
        assert provenance.cpp_compiler() == name
    assert provenance.compiler_available("cpu")
