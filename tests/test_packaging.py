"""The requirements are versions that were tested; an installed wheel finds its configs."""

import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


def call(*overrides, **keywords):
    done = subprocess.run([*map(str, overrides)], capture_output=True, text=True, **keywords)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_lower_bounds_are_the_tested_versions():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    tested = {canonicalize_name(name): version for name, version in pins}
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, build = content["project"], content["build-system"]
    extras = chain.from_iterable(project["optional-dependencies"].values())
    requirements = map(Requirement, (*build["requires"], *project["dependencies"], *extras))
    for requirement in requirements:
        if requirement.name != "adamcmp":
            bounds = [s.version for s in requirement.specifier if s.operator == ">="]
            assert bounds == [tested[canonicalize_name(requirement.name)]], requirement


@pytest.mark.slow
def test_a_wheel_works_outside_the_repository(tmp_path):
    source, outside = tmp_path / "source", tmp_path / "outside"
    outside.mkdir()
    # Built from a copy, since a build leaves folders next to its sources.
    files = call("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).splitlines()
    for file in files:
        if (ROOT / file).is_file() and not file.startswith(("results/", "tests/")):
            (source / file).parent.mkdir(parents=True, exist_ok=True)
            (source / file).write_bytes((ROOT / file).read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    call(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, source)
    (wheel,) = tmp_path.glob("adamcmp-*.whl")

    venv.create(tmp_path / "venv", with_pip=False)
    python, script = (tmp_path / "venv" / "bin" / name for name in ("python", "adamcmp"))
    call(*pip, "--python", python, "install", "--no-deps", wheel)
    site = Path(call(python, "-c", "import site; print(site.getsitepackages()[0])").strip())
    # The wheel uses the packages of this environment; a plain .pth line adds no editable install.
    (site / "needs.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")

    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "ADAMCMP_RESULTS")}
    where = call(python, "-c", "import adamcmp; print(adamcmp.__file__)", cwd=outside, env=clean)
    assert Path(where.strip()).is_relative_to(site)
    out = call(script, "run", "steps=2", cwd=outside, env=clean)
    assert "files in results/scratch" in out
    assert (outside / "results" / "scratch" / "study.yaml").exists()
    assert "mnist1d" in call(script, "parts", cwd=outside, env=clean)
    assert (site / "adamcmp" / "py.typed").exists()


def committed():
    return {**os.environ, "ADAMCMP_RESULTS": str(ROOT / "results")}


@pytest.mark.slow
def test_the_authors_table_of_mnist1d(tmp_path):
    """Training gives accuracies within 3 points of the published table (about 20 minutes)."""
    out = call(sys.executable, ROOT / "scripts" / "mnist1d_table", cwd=tmp_path)
    # The script exits with 1, which fails the call, if the accuracy of a model differs.
    assert all(f"\n{model} " in out for model in ("logistic", "mlp", "cnn1d", "gru"))


@pytest.mark.slow
def test_the_committed_table_of_mnist1d():
    """What is in the repository is within 3 points of theirs, and complete."""
    out = call(sys.executable, ROOT / "scripts" / "mnist1d_table", env=committed())
    assert all(f"\n{model} " in out for model in ("logistic", "mlp", "cnn1d", "gru"))
