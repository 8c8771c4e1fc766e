"""``adamcmp study``."""

import pytest

from adamcmp.cli import main
from tests.support.commands import run
from tests.support.studies import STUDY_FILE


@pytest.fixture(autouse=True)
def study_file(tmp_path):
    """Write the study file ``own`` of a user."""
    folder = tmp_path / "mine" / "study"
    folder.mkdir(parents=True)
    (folder / "own.yaml").write_text(STUDY_FILE)


def test_study_files_are_listed(capsys):
    listed = run(capsys, "study", "--config-dir", "mine").splitlines()
    descriptions = dict(line.split(maxsplit=1) for line in listed)
    assert {"own", "decoupling", "tuned"} <= descriptions.keys()
    assert descriptions["own"] == "Two optimizers, each with a separate grid"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["own", "--scale", "smoke"], "smoke"),
        (["onw"], "Did you mean 'own'?"),
        (["own", "lr=abc"], "lr=abc: should be a number"),
    ],
)
def test_invalid_arguments(arguments, message, capsys, results):
    assert main(["study", *arguments, "--config-dir", "mine"]) == 2
    assert message in capsys.readouterr().err and not results.exists()
