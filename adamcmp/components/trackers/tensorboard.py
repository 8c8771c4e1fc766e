"""TensorBoard."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from adamcmp.components.trackers._base import TrackedRun, Tracker


class TensorBoard(Tracker):
    """Event files, one folder per run: scalars by step, and settings for the HParams tab.

    Scalars have single precision, as always in TensorBoard.
    """

    needs = ("tensorboard", 2)

    def write(self, folder: Path, runs: Iterable[TrackedRun]) -> Iterator[str]:
        """See `Tracker.write`."""
        for run in runs:
            run_folder = folder / re.sub(r"[^\w.=+-]+", "_", run.name)
            # TensorBoard shows all event files of a folder, also those of an earlier attempt.
            if run_folder.exists():
                shutil.rmtree(run_folder)
            _write(run_folder, run)
            yield run.run_id


def _write(folder: Path, run: TrackedRun) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import summary_v2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    settings = {key: _hparam(value) for key, value in {**run.settings, **run.outcome}.items()}
    began = summary_v2.hparams_pb(settings, trial_id=run.run_id, start_time_secs=run.began)
    writer = EventFileWriter(str(folder))
    try:
        writer.add_event(Event(wall_time=run.began, step=0, summary=began))
        for evaluation in run.evaluations:
            values = [Summary.Value(tag=k, simple_value=v) for k, v in evaluation.values.items()]
            event = Event(
                wall_time=evaluation.time, step=evaluation.step, summary=Summary(value=values)
            )
            writer.add_event(event)
        best = [Summary.Value(tag=k, simple_value=v) for k, v in run.best.items()]
        step = run.outcome.get("best_step", 0)
        writer.add_event(Event(wall_time=run.ended, step=step, summary=Summary(value=best)))
        writer.add_event(Event(wall_time=run.ended, step=0, summary=_ended(run)))
    finally:
        writer.close()


def _ended(run: TrackedRun) -> Any:
    """Return the summary that ends a session of the HParams tab.

    The library's function for this needs TensorFlow.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    status = api_pb2.STATUS_FAILURE if run.failed else api_pb2.STATUS_SUCCESS
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=run.ended)
    content = plugin_data_pb2.HParamsPluginData(session_end_info=end)
    summary_metadata = metadata.create_summary_metadata(content)
    return Summary(
        value=[Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=summary_metadata)]
    )


def _hparam(value: Any) -> bool | float | str:
    """Return a value of a type that the HParams tab can show."""
    return value if isinstance(value, bool | int | float | str) else str(value)
