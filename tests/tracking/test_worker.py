"""Writing stored runs to a tracker: each run is written once, also after an error."""

from adamcmp.components.trackers.tensorboard import TensorBoard
from adamcmp.storage.store import Store
from tests.support.tracked import evaluations, event_files, journal, stored_rows, write_all

BOARD = TensorBoard(name="tensorboard")


def test_each_run_is_written_once_and_again_when_retrained(tracked_study):
    write_all(tracked_study, BOARD)
    before = {
        name: board.Scalars("epoch")
        for name, board in event_files(tracked_study).items()
        if board.Tags()["scalars"]
    }
    assert write_all(tracked_study, BOARD) is None
    assert len(journal(tracked_study, "tensorboard")) == 4
    run_id, row = next(
        (i, r) for i, r in stored_rows(tracked_study).items() if r["status"] == "done"
    )
    again = {**row, "finished_at": "2030-01-01T00:00:00+00:00"}
    Store(tracked_study).append([again], evaluations(tracked_study, run_id))
    assert write_all(tracked_study, BOARD) is None
    assert journal(tracked_study, "tensorboard")[4:] == [
        {"run_id": run_id, "finished_at": again["finished_at"]}
    ]
    after = event_files(tracked_study)
    assert {n: [e.step for e in after[n].Scalars("epoch")] for n in before} == {
        n: [e.step for e in events] for n, events in before.items()
    }


def test_runs_after_an_error_are_written_by_the_next_command(tracked_study):
    """The first run is in the journal and is not written again; the others follow."""
    order = list(stored_rows(tracked_study).values())
    folder = tracked_study / "tracker" / "tensorboard"
    folder.mkdir(parents=True)
    second = order[1]
    obstacle = folder / f"{second['run_id'][:8]}_sgd_lr={second['lr']:g}_wd=0_seed={second['seed']}"
    obstacle.write_text("no folder")
    assert write_all(tracked_study, BOARD).startswith("NotADirectoryError")
    assert [entry["run_id"] for entry in journal(tracked_study, "tensorboard")] == [
        order[0]["run_id"]
    ]
    with (tracked_study / "tracker" / "tensorboard.jsonl").open("a") as file:
        file.write('{"run_id": "cut by a ki')
    obstacle.unlink()
    assert write_all(tracked_study, BOARD) is None
    assert len(event_files(tracked_study)) == 4
    assert write_all(tracked_study, BOARD) is None
