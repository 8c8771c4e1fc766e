"""The command that adds the runs which a finding asks for."""

import pytest

from adamcmp.analysis.audit.finding import extend_command
from tests.support.audited import study


@pytest.mark.parametrize(
    ("columns", "command"),
    [
        ({}, "adamcmp extend s seeds=9"),
        ({"study": ["s", "t"] * 9}, None),  # no command extends two studies
        ({"torch_version": None}, None),  # imported runs cannot be trained
    ],
)
def test_extend_command(columns, command):
    runs, _ = study({"adamw": 0.2})
    assert extend_command(runs.assign(**columns), "seeds=9") == command
