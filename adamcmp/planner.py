"""What is decided before training: numerics, widths of groups, order; and how long it will take.

What may change a run's numbers (the engine) follows from what was asked and the machine, by one
rule. What cannot (how wide groups are, who goes first) follows from what was measured here, kept
in the cache for the next time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from adamcmp.cache import cache_folder, source_digest
from adamcmp.config import Eval, Numerics, RunConfig
from adamcmp.datasets import load
from adamcmp.files import write_atomically
from adamcmp.grouping import LaneGroup, structure
from adamcmp.plan import RunSpec
from adamcmp.provenance import cpp_compiler, cuda_available, hardware, package_version
from adamcmp.schedules import Horizon

#: Steps of all runs of a kind from which on ``engine=auto`` compiles. A compilation takes some
#: 25 s the first time, and saves about 0.8 ms of each step.
COMPILED_FROM = 40_000
#: Widths of groups that are measured, by device: on a processor wider ones outgrow its caches.
WIDTHS = {"cpu": (1, 2, 4, 8, 16, 32), "cuda": (1, 8, 32, 128, 512)}
#: Seconds until a worker trains: torch's import, mostly.
START = 3.0


def horizon(config: RunConfig, train_examples: int) -> Horizon:
    """Return how many steps a run takes, and how many make an epoch."""
    protocol = config.protocol
    epoch = train_examples / protocol.batch_size
    return Horizon(protocol.steps or math.ceil(protocol.epochs * epoch), epoch)


def evaluation_steps(when: Eval, horizon: Horizon) -> list[int]:
    """Return the steps after which lanes are measured: 0, each interval, and the end."""
    interval = max(when.every_steps or when.every * horizon.epoch, 1)
    count = math.ceil(horizon.steps / interval)
    between = {max(round(i * interval), 1) for i in range(1, count)}
    return sorted({0, horizon.steps, *(s for s in between if s < horizon.steps)})


@dataclass(frozen=True)
class Speed:
    """What was measured of a kind of group.

    Attributes:
        step: Seconds of one run's step, by width of the group.
        evaluation: Seconds of one run's evaluation.
    """

    step: Mapping[int, float]
    evaluation: float

    def width(self, most: int) -> int:
        """Return the fastest measured width up to `most`."""
        widths = [width for width in self.step if width <= max(most, 1)]
        return min(widths, key=lambda width: (self.step[width], -width))

    def seconds(self, width: int, steps: int, evaluations: int) -> float:
        """Return what one run of a group of this width takes."""
        measured = max((w for w in self.step if w <= width), default=min(self.step))
        return steps * self.step[measured] + evaluations * self.evaluation


@dataclass(frozen=True)
class Kind:
    """Runs that could be lanes of one group.

    Attributes:
        example: One of them.
        steps: Steps of each.
        evaluations: Evaluations of each.
        runs: How many there are.
    """

    example: RunConfig
    steps: int
    evaluations: int
    runs: int

    def key(self, numerics: Numerics) -> str:
        """Return what its speed is known by: all that decides it, but for the runs' lengths."""
        *parts, protocol = json.loads(structure(self.example))
        for length in ("steps", "epochs", "eval"):
            protocol.pop(length, None)
        protocol["examined"] = self.example.protocol.eval.train_examples
        versions = [package_version("torch"), source_digest(), hardware(numerics.device)]
        told = [*parts, protocol, numerics.identity(), *versions]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:24]


def kinds(configs: Iterable[RunConfig]) -> dict[str, Kind]:
    """Return the kinds of runs there are, by structure.

    Raises:
        AdamcmpError: When a dataset cannot be read.
    """
    counts: Counter[str] = Counter()
    examples: dict[str, RunConfig] = {}
    for config in configs:
        alike = structure(config)
        counts[alike] += 1
        examples.setdefault(alike, config)
    found = {}
    for alike, config in examples.items():
        span = horizon(config, len(load(config.dataset).train))
        evaluations = len(evaluation_steps(config.protocol.eval, span))
        found[alike] = Kind(config, span.steps, evaluations, counts[alike])
    return found


def settled(asked: Numerics, found: Iterable[Kind]) -> Numerics:
    """Return the numerics of a new study.

    One rule, from what was asked and from the machine, never from a measured time: the same words
    give the same numbers.

    Args:
        asked: What the command line says; ``auto`` and None are open.
        found: The kinds of runs that the study begins with.
    """
    device = asked.device
    if device == "auto":
        device = "cuda" if cuda_available() else "cpu"
    engine = asked.engine
    if engine == "auto":
        compiles = device == "cpu" and pays(found) and cpp_compiler() is not None
        engine = "compiled" if compiles else "eager"
    dtype = "float32" if asked.dtype == "auto" else asked.dtype
    return Numerics(device=device, dtype=dtype, threads=asked.threads or 1, engine=engine)


def pays(found: Iterable[Kind]) -> bool:
    """Return whether there is so much to train that compiling it pays."""
    work = [kind.steps * kind.runs for kind in found if kind.example.fuses]
    return bool(work) and sum(work) / len(work) >= COMPILED_FROM


def lacks_compiler(asked: Numerics, found: Collection[Kind]) -> bool:
    """Return whether a new study is eager only because there is no C++ compiler."""
    on_cpu = asked.device == "cpu" or (asked.device == "auto" and not cuda_available())
    return asked.engine == "auto" and on_cpu and pays(found) and cpp_compiler() is None


#: What a person is told then.
NO_COMPILER = (
    "There is no C++ compiler on the PATH (g++, clang++ or $CXX): this study is trained eagerly, "
    "several times slower than compiled."
)


@dataclass(frozen=True)
class Forecast:
    """How wide groups are best, and how long they take.

    Attributes:
        kinds: The kinds of runs, by structure.
        speeds: What was measured of them; a kind may be missing.
        workers: Groups that are trained at once.
    """

    kinds: Mapping[str, Kind]
    speeds: Mapping[str, Speed]
    workers: int

    def width(self, specs: Sequence[RunSpec]) -> int:
        """Return how many of these runs, all alike, make a group: the fastest width measured.

        Every worker is to have several groups to take, where there are enough runs.
        """
        most = max(len(specs) // (2 * self.workers), 1)
        return self._speed(specs[0]).width(most)

    def seconds(self, group: LaneGroup) -> float:
        """Return how long a group takes."""
        kind = self.kinds[structure(group.specs[0].config)]
        speed, lanes = self._speed(group.specs[0]), len(group.specs)
        return lanes * speed.seconds(lanes, kind.steps, kind.evaluations)

    def total(self, groups: Sequence[LaneGroup]) -> float:
        """Return how long all groups take, the start included."""
        seconds = [self.seconds(group) for group in groups]
        return START + max(sum(seconds) / self.workers, max(seconds, default=0.0))

    def _speed(self, spec: RunSpec) -> Speed:
        return self.speeds[structure(spec.config)]


def remembered(found: Mapping[str, Kind], numerics: Numerics) -> dict[str, Speed]:
    """Return the speeds that were measured here before, by structure."""
    kept, keys = _read(), {alike: kind.key(numerics) for alike, kind in found.items()}
    return {alike: kept[key] for alike, key in keys.items() if key in kept}


def remember(found: Mapping[str, Kind], numerics: Numerics, speeds: Mapping[str, Speed]) -> None:
    """Keep measured speeds for the next time."""
    if not speeds:
        return
    # Where nothing can be kept, it is measured anew.
    with contextlib.suppress(OSError), FileLock(_file().with_suffix(".lock")):
        kept = _read() | {found[alike].key(numerics): s for alike, s in speeds.items()}
        plain = {key: [dict(speed.step), speed.evaluation] for key, speed in kept.items()}
        write_atomically(_file(), json.dumps(plain).encode())


def _file() -> Path:
    return cache_folder() / "speeds.json"


def _read() -> dict[str, Speed]:
    try:
        plain = json.loads(_file().read_text(encoding="utf-8"))
        return {
            key: Speed({int(width): s for width, s in step.items()}, evaluation)
            for key, (step, evaluation) in plain.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):  # none yet, or damaged: measure anew
        return {}
