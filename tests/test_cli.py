"""The command line as a whole: help, version, imports."""

import subprocess
import sys

import pytest

from adamcmp.cli import COMMANDS, main
from tests.support.commands import run
from tests.support.studies import THREE_STEPS


@pytest.mark.parametrize(
    ("overrides", "heavy"),
    [
        (["--help"], {"torch", "pandas", "hydra", "numpy", "matplotlib", "pyarrow"}),
        (["--version"], {"torch", "pandas", "hydra", "numpy", "matplotlib", "pyarrow"}),
        (["ls"], {"torch", "pandas", "hydra", "matplotlib"}),
        (["parts"], {"torch", "pandas", "hydra", "numpy", "matplotlib"}),
        (["run", "--cfg", "job"], {"torch", "pandas", "matplotlib"}),
        (["run", "lr=nan"], {"torch", "pandas", "matplotlib"}),
        (["run", *THREE_STEPS], {"torch", "pandas", "matplotlib"}),  # it exists
        # torch's compiler imports sympy; reports import scipy and sklearn.
        pytest.param(
            ["run", *THREE_STEPS, "--force"],
            {"pandas", "matplotlib", "scipy", "sklearn", "sympy", "optuna"},
            marks=pytest.mark.slow,
        ),
        (["report", "--format", "md"], {"torch", "hydra", "optuna"}),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(overrides, heavy, results, capsys):
    main(["run", *THREE_STEPS])
    script = (
        "import sys; from adamcmp.cli import main; main(sys.argv[1:]); "
        "print(sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *overrides], capture_output=True, text=True, check=True
    )
    assert not heavy & set(eval(done.stderr.splitlines()[-1]))


def test_garbage_is_not_collected_at_exit():
    script = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 0)); "
        "from adamcmp.cli import main; main(['--version'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "True"


def test_help_names_every_command(capsys):
    text = run(capsys, "--help")
    assert all(f"\n  {command} " in text for command in COMMANDS)
    for command in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert f"usage: adamcmp {command}" in capsys.readouterr().out


def test_version(capsys):
    assert run(capsys, "--version").startswith("adamcmp 0.")


def test_optional_overrides_are_not_called_required(capsys):
    assert main(["extend"]) == 2
    assert "arguments are required: STUDY." in capsys.readouterr().err
