"""A model whose training pauses, so that a test can act while a sweep certainly trains."""

import os
import signal
import time
from collections import Counter
from pathlib import Path

import torch

#: Training pauses while this file is in the working directory.
PAUSE = Path("pause")
#: Steps of a process's training of one run before it pauses.
STEPS_BEFORE = 30
#: Steps of each network. They change no result, so they are no state of the network.
STEPS: Counter[torch.nn.Module] = Counter()


class PausingNet(torch.nn.Linear):
    """A linear classifier."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs[0], outputs)

    def forward(self, x):
        if self.training:
            STEPS[self] += 1
            if STEPS[self] == STEPS_BEFORE and PAUSE.exists() and runs_are_reserved():
                pause()
        return super().forward(x)


def runs_are_reserved() -> bool:
    """Return whether a sweep trains: speeds are measured before runs are reserved."""
    return any(Path("results").glob("*/queue/plan-*"))


def pause() -> None:
    """Wait until the file is removed, or SIGTERM asks this process to stop."""
    requests = []
    before = signal.getsignal(signal.SIGTERM)

    def record(number, frame):
        requests.append(number)
        before(number, frame)

    signal.signal(signal.SIGTERM, record)
    Path(f"paused.{os.getpid()}").touch()
    while PAUSE.exists() and not requests:
        time.sleep(0.01)
    signal.signal(signal.SIGTERM, before)


def paused_processes() -> list[int]:
    """Return the ids of the processes that have paused in the working directory."""
    return [int(path.suffix[1:]) for path in Path().glob("paused.*")]
