"""Options of training, results of sweeps, and interruptions."""

import signal

import pytest

from adamcmp.cli import main
from adamcmp.config import Composer
from adamcmp.errors import Interrupted
from adamcmp.execution.execute import ExecutionResult
from adamcmp.execution.heartbeats import ProcessStatus
from adamcmp.execution.observer import NO_OBSERVER
from adamcmp.storage.columns import STATUSES
from adamcmp.storage.rows import RunRow
from adamcmp.workflows import training
from adamcmp.workflows.training import SweepResult, TrainingOptions, no_display, train
from tests.support.studies import THREE_STEPS


@pytest.mark.parametrize(
    ("options", "retrained_statuses"),
    [
        ({}, ()),
        ({"retry_failed": True}, ("failed",)),
        ({"force": True}, STATUSES),
        ({"force": True, "retry_failed": True}, STATUSES),
    ],
)
def test_statuses_that_are_trained_again(options, retrained_statuses):
    assert TrainingOptions(**options).retrained_statuses == retrained_statuses


def test_without_a_display_nothing_is_shown(capsys):
    with no_display(3) as observer:
        assert observer is NO_OBSERVER
    training.print_notice("no compiler")
    assert capsys.readouterr() == ("", "adamcmp: no compiler\n")


@pytest.fixture
def executed(specs, tmp_path):
    """Return the result of an execution of three runs."""
    planned = tuple(specs(["seed=0,1,2"]))
    one, two, three = (spec.run_id for spec in planned)

    def result(outcomes=("done", "diverged", "done"), **values):
        rows = [RunRow(0, o, "ValueError: x\ntraceback" if o == "failed" else "") for o in outcomes]
        by_id = dict(zip((one, two, three), rows, strict=True))
        return ExecutionResult(tmp_path / "s", planned, (one,), by_id, **values)

    return result


def test_a_result_counts_runs_by_status(executed):
    result = SweepResult.of(executed())
    assert result.statuses == {"done": 2, "diverged": 1, "failed": 0}
    assert result.complete and not result.notice and len(result.trained) == 1


def test_a_result_has_the_first_line_of_each_error(executed):
    result = SweepResult.of(executed(("done", "failed", "done")))
    assert result.errors == {result.run_ids[1]: "ValueError: x"}
    assert result.statuses["failed"] == 1 and not result.complete


def test_a_result_names_the_process_that_trains_the_others(executed):
    other = ProcessStatus(pid=7, host="h", runs=5, done=2)
    ids = executed().specs[2].run_id
    result = SweepResult.of(executed(in_progress={ids: other}))
    assert (
        not result.complete and "Process 7 on h is training 1 run of this command" in result.notice
    )


@pytest.mark.parametrize(
    ("text", "created", "expected"),
    [
        ("2 of 3 runs were trained", True, "trained, files in .*; run the same command again"),
        ("nothing was trained", False, "^nothing was trained; run the same command again"),
        ("", True, "^$"),  # after a second signal, nothing more is saved
    ],
)
def test_an_interruption_says_how_to_continue(text, created, expected, monkeypatch):
    def interrupted(*arguments, **options):
        raise Interrupted(signal.SIGINT, text)

    monkeypatch.setattr(training, "execute", interrupted)
    config = Composer().run(["study=s"])
    if created:
        config.location.folder.mkdir(parents=True)
        (config.location.folder / "study.yaml").touch()
    with pytest.raises(Interrupted, match=expected) as error:
        train(config, TrainingOptions())
    assert error.value.number == signal.SIGINT


def test_notices_of_the_overrides_are_shown(capsys):
    """In a grid and in a search."""
    for command in (["run"], ["sweep", "wd=interval(0,1)", "sampler=random", "n=2"]):
        assert main([*command, *THREE_STEPS, "lr=0.1", "lr=0.01"]) == 0
        assert capsys.readouterr().err.count("lr=0.1 has no effect, since lr=0.01 follows.") == 1
