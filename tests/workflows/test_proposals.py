"""The settings that a search proposes, without training them."""

import math

import pytest

from adamcmp.config import SearchRange
from adamcmp.storage.folder import Folder
from adamcmp.workflows.proposals import Proposals, quiet
from tests.support.required import require_package
from tests.support.searches import SAMPLERS

require_package("optuna")

SPACE = {
    "lr": SearchRange(1e-4, 1.0, log=True, integer=False),
    "wd": SearchRange(0.0, 1.0, log=False, integer=False),
    "size": SearchRange(8, 64, log=True, integer=True),
    "act": ["gelu", "relu", "tanh"],
}


def bowl(setting):
    return (math.log10(setting["lr"]) + 2) ** 2 + setting["wd"] + setting["size"] / 64


def proposed(path, sampler, counts, worth=bowl, batch=8):
    """Continue to each count in turn as new commands do, which know only the file."""
    files = Folder(path.parent.parent)
    with quiet():
        for count in counts:
            proposals = Proposals(files, f"{path.parent.name}/{path.name}", sampler, SPACE)
            proposals.values += [worth(setting) for setting in proposals.settings[:count]]
            for start in range(0, count, batch):
                new = proposals.propose(start, min(start + batch, count))
                proposals.values += [worth(setting) for setting in new]
    return proposals.settings


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_continued_search_proposes_the_same(sampler, tmp_path):
    """Wherever a search ended before, in the midst of a batch or at its end."""
    whole = proposed(tmp_path / "a" / "whole", sampler, [40])
    assert proposed(tmp_path / "b" / "cut", sampler, [1, 5, 8, 19, 24, 24, 33, 40]) == whole
    assert len({tuple(setting.values()) for setting in whole}) == 40
    for setting in whole:
        assert 1e-4 <= setting["lr"] <= 1 and 0 <= setting["wd"] <= 1
        assert isinstance(setting["size"], int) and 8 <= setting["size"] <= 64
        assert setting["act"] in SPACE["act"]
    # Only the proposals of tpe and cmaes depend on the values of earlier settings.
    other = proposed(tmp_path / "c" / "other", sampler, [40], lambda setting: -bowl(setting))
    assert other[:8] == whole[:8] and (other != whole) == (sampler in ("tpe", "cmaes"))


def test_values_are_read_again(tmp_path):
    """New results of stored settings change the next proposals."""
    for sampler in ("tpe", "cmaes"):
        path, same = tmp_path / sampler / "a", tmp_path / sampler / "b"
        first = proposed(path, sampler, [24])
        same.write_bytes(path.read_bytes())
        more = proposed(path, sampler, [40])
        changed = proposed(same, sampler, [40], lambda setting: -bowl(setting))
        assert changed[:24] == more[:24] == first and changed[24:] != more[24:]
