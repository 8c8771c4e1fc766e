"""Measured speeds of group widths."""

import pytest

from adamcmp.errors import ConfigError
from adamcmp.planning.cost_model import WIDTHS
from adamcmp.training import autotune as module
from adamcmp.training.autotune import autotune
from adamcmp.training.tasks import autotune_task

OVERRIDES = ["dataset=teacher", "dataset.train_examples=200", "model=logistic", "steps=3"]


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Measure for a moment only, of at most two widths."""
    monkeypatch.setattr(module, "TIMING_SECONDS", 0.0)
    monkeypatch.setattr(module, "MIN_ROUNDS", 1)
    monkeypatch.setitem(WIDTHS, "cpu", (1, 2))


def measured(spec, should_stop=lambda: False):
    return autotune(spec, should_stop)


def test_each_width_has_a_time(specs, fused):
    timings = measured(specs(OVERRIDES)[0])
    assert list(timings.step) == [1, 2]
    assert min(timings.step.values()) > 0 and timings.evaluation > 0


def test_runs_that_do_not_fuse_have_one_width(specs):
    assert list(measured(specs(OVERRIDES)[0]).step) == [1]


@pytest.mark.parametrize("limit", ["MAX_PREPARATION_SECONDS", "CACHE_BYTES"])
def test_wider_groups_are_not_tried_beyond_the_limits(limit, specs, fused, monkeypatch):
    monkeypatch.setattr(module, limit, 0)
    assert list(measured(specs(OVERRIDES)[0]).step) == [1]


def test_a_request_to_stop_ends_the_measurement(specs, fused):
    assert list(measured(specs(OVERRIDES)[0], should_stop=lambda: True).step) == [1]


def test_a_run_that_cannot_be_trained_is_an_error(specs):
    (spec,) = specs([*OVERRIDES, "batch_size=500"])
    for is_measured in (True, False):
        with pytest.raises(ConfigError, match="batch_size=500"):
            autotune_task((spec, is_measured), lambda message: None, lambda: False)


def test_a_crash_is_returned(specs, monkeypatch):
    monkeypatch.setattr(module.GroupTraining, "chunk", lambda self, begin: 1 / 0)
    failed = measured(specs(OVERRIDES)[0])
    assert failed.error == "ZeroDivisionError: division by zero" and "chunk" in failed.traceback


@pytest.mark.parametrize(("message", "fails"), [("can't allocate memory", False), ("bug", True)])
def test_only_a_lack_of_memory_limits_the_width_silently(message, fails, specs, fused, monkeypatch):
    chunk = module.GroupTraining.chunk

    def failing_if_wide(self, begin):
        if self.width > 1:
            raise RuntimeError(message)
        return chunk(self, begin)

    monkeypatch.setattr(module.GroupTraining, "chunk", failing_if_wide)
    timings = measured(specs(OVERRIDES)[0])
    if fails:
        assert timings.error == "RuntimeError: bug"
    else:
        assert list(timings.step) == [1]
