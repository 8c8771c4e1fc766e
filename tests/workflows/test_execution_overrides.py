"""Settings of execution among the overrides of commands on a stored study."""

import pytest

from adamcmp.config import Execution
from adamcmp.errors import ConfigError
from adamcmp.workflows.execution_overrides import parse_execution


def test_settings_of_execution():
    execution = parse_execution("extend", ["workers=2", "seeds=5"], "seeds")
    assert execution.workers == 2 and parse_execution("settle", []) == Execution()
    with pytest.raises(ConfigError, match=r"seeds=5: `settle` .* accepts only executor=, workers="):
        parse_execution("settle", ["seeds=5"])
