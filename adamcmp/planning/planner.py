"""What is decided before training: numerics, widths of groups, order; and how long it will take.

What may change a run's numbers (the engine) follows from what was asked and the machine, by one
rule. What cannot (how wide groups are, who goes first) follows from what was measured here (see
`adamcmp.planning.timings`).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from adamcmp.components.datasets import load
from adamcmp.components.schedules import Horizon
from adamcmp.config import Eval, Numerics, RunConfig
from adamcmp.errors import ConfigError
from adamcmp.planning.grouping import LaneGroup, structure
from adamcmp.planning.specs import RunSpec
from adamcmp.planning.timings import Speed, forget_speed, keep_speeds, kept_speeds
from adamcmp.platform.cache import source_digest
from adamcmp.platform.provenance import (
    COMPILE_REQUIREMENTS,
    can_compile,
    cpu_features,
    cuda_available,
    hardware,
    package_version,
)
from adamcmp.training.outcome import Done, Outcome

#: Steps of all runs of a kind from which on ``engine=auto`` compiles, by device. Compiling takes
#: some 25 s the first time (attention minutes), and saves about 0.8 ms of each step on a
#: processor, 2 to 7 µs on a GPU.
#: Numbers and no measurements, since the engine changes the last bits: the same words must give the
#: same numbers on a busy machine too, and whether the compiled step is in the cache already must
#: not matter.
COMPILED_FROM = {"cpu": 40_000, "cuda": 10_000_000}
#: Widths of groups that are measured, by device: on a processor wider ones outgrow its caches.
WIDTHS = {"cpu": (1, 2, 4, 8, 16, 32), "cuda": (1, 8, 32, 128, 512)}
#: Most evaluations of a run; each is a row.
MOST_EVALUATIONS = 100_000
#: Seconds until a worker trains: torch's import, mostly.
START = 3.0
#: A speed was wrong where a group took this many times the seconds foreseen, or they the group's.
WRONG = 1.5
#: Seconds of a group from which on its time says how fast its steps are, by device; in a short one
#: the start counts for more, on a GPU the recording and loading of code too.
TELLING = {"cpu": 2.0, "cuda": 30.0}


def horizon(config: RunConfig, train_examples: int) -> Horizon:
    """Return how many steps a run takes, and how many make an epoch."""
    protocol = config.protocol
    epoch = train_examples / protocol.batch_size
    return Horizon(protocol.steps or math.ceil(protocol.epochs * epoch), epoch)


def evaluation_steps(when: Eval, horizon: Horizon) -> list[int]:
    """Return the steps after which lanes are measured: 0, each interval, and the end.

    Raises:
        ConfigError: When they are too many.
    """
    interval = max(when.every_steps or when.every * horizon.epoch, 1)
    count = math.ceil(horizon.steps / interval)
    if count > MOST_EVALUATIONS:
        raise ConfigError(
            f"{count:,} evaluations of a run are too many: at most {MOST_EVALUATIONS:,}. Fewer "
            f"steps, or eval.every= or eval.every_steps=, make them fewer."
        )
    between = {max(round(i * interval), 1) for i in range(1, count)}
    return sorted({0, horizon.steps, *(s for s in between if s < horizon.steps)})


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
        machine = [hardware(numerics.device), cpu_features()]
        versions = [package_version("torch"), source_digest(), *machine]
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
        engine = "compiled" if pays(found, device) and can_compile(device) else "eager"
    dtype = "float32" if asked.dtype == "auto" else asked.dtype
    return Numerics(device=device, dtype=dtype, threads=asked.threads or 1, engine=engine)


def pays(found: Iterable[Kind], device: str) -> bool:
    """Return whether there is so much to train that compiling it pays."""
    work = [kind.steps * kind.runs for kind in found if kind.example.compiles]
    return bool(work) and sum(work) / len(work) >= COMPILED_FROM[device]


def lacks_compiler(asked: Numerics, used: Numerics, found: Mapping[str, Kind]) -> bool:
    """Return whether a new study is eager only for want of a compiler."""
    device = used.device
    return asked.engine == "auto" and pays(found.values(), device) and not can_compile(device)


def no_compiler(device: str) -> str:
    """Return what a person is told then."""
    return (
        f"Compiling takes {COMPILE_REQUIREMENTS[device]}: this study is trained eagerly, several "
        f"times slower than compiled."
    )


@dataclass(frozen=True)
class Forecast:
    """How wide groups are best, and how long they take.

    Attributes:
        kinds: The kinds of runs, by structure.
        speeds: What was measured of them. A kind is missing where it could not be measured, or
            need not be.
        workers: Groups that are trained at once.
    """

    kinds: Mapping[str, Kind]
    speeds: Mapping[str, Speed]
    workers: int

    def width(self, specs: Sequence[RunSpec]) -> int:
        """Return how many of these runs, all alike, make a group: the fastest width measured.

        Several workers are to have several groups each to take, where there are enough runs.
        """
        speed, shares = self._speed(specs[0]), 2 * self.workers if self.workers > 1 else 1
        return speed.width(max(len(specs) // shares, 1)) if speed else 1

    def seconds(self, group: LaneGroup) -> float | None:
        """Return how long a group takes; None where that is not known."""
        kind = self.kinds[structure(group.specs[0].config)]
        speed, lanes = self._speed(group.specs[0]), len(group.specs)
        return lanes * speed.seconds(lanes, kind.steps, kind.evaluations) if speed else None

    def total(self, groups: Iterable[LaneGroup]) -> float | None:
        """Return how long all groups take, the start included; None where that is not known.

        As long as the longest, or as all of them shared out evenly: a lower bound, which longest
        first exceeds by a third at most (Graham 1969).
        """
        seconds = [self.seconds(group) for group in groups]
        known = [s for s in seconds if s is not None]
        if len(known) < len(seconds):
            return None
        return START + max(sum(known) / self.workers, max(known, default=0.0))

    def longest_first(self, groups: Iterable[LaneGroup]) -> tuple[LaneGroup, ...]:
        """Return groups in the order in which workers take them; those not known go before."""

        def length(group: LaneGroup) -> float:
            seconds = self.seconds(group)
            return math.inf if seconds is None else seconds

        return tuple(sorted(groups, key=length, reverse=True))

    def _speed(self, spec: RunSpec) -> Speed | None:
        return self.speeds.get(structure(spec.config))


def remembered(found: Mapping[str, Kind], numerics: Numerics) -> dict[str, Speed]:
    """Return the speeds that were measured here before, by structure."""
    kept, keys = kept_speeds(), {alike: kind.key(numerics) for alike, kind in found.items()}
    return {alike: kept[key] for alike, key in keys.items() if key in kept}


def remember(found: Mapping[str, Kind], numerics: Numerics, speeds: Mapping[str, Speed]) -> None:
    """Keep measured speeds for the next time."""
    keep_speeds({found[alike].key(numerics): speed for alike, speed in speeds.items()})


def learn(forecast: Forecast, group: LaneGroup, outcome: Outcome, numerics: Numerics) -> None:
    """Have a kind of group measured anew, the next time, where one took another time than foreseen.

    Args:
        forecast: What was foreseen.
        group: A group that has ended.
        outcome: What became of it.
        numerics: The study's, under which speeds are kept.
    """
    foreseen, spec = forecast.seconds(group), group.specs[0]
    if foreseen is None or not isinstance(outcome, Done):
        return
    if any(row["status"] != "done" for row in outcome.runs):
        return  # lanes that diverged took fewer steps
    seconds = sum(row["wall_time_s"] for row in outcome.runs)
    telling = max(foreseen, seconds) >= TELLING[numerics.device]
    if telling and not 1 / WRONG <= seconds / foreseen <= WRONG:
        forget_speed(forecast.kinds[structure(spec.config)].key(numerics))
