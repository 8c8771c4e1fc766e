"""Kinds of runs. Runs of one kind share all shapes and structure, so they can share a lane group.

Runs of one kind may differ in every number: learning rate, weight decay, seed and so on.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from adamcmp.components.optimizers import Optimizer
from adamcmp.components.registry import canonical_json
from adamcmp.config import Numerics, RunConfig
from adamcmp.planning.horizon import evaluation_steps, horizon
from adamcmp.platform.cache import source_digest
from adamcmp.platform.provenance import cpu_features, hardware, package_version


@dataclass(frozen=True)
class RunKind:
    """Runs of one kind.

    Attributes:
        example: The settings of one of the runs.
        steps: Steps of each run.
        evaluations: Evaluations of each run.
        runs: Number of runs.
    """

    example: RunConfig
    steps: int
    evaluations: int
    runs: int

    def timing_key(self, numerics: Numerics) -> str:
        """Return the key under which timings of this kind are cached on this machine.

        It covers everything that determines the time of one step and of one evaluation, but not
        the number of steps or evaluations.
        """
        *components, protocol = _structure(self.example)
        shared = json.loads(protocol)
        for length in ("steps", "epochs", "eval"):
            shared.pop(length, None)
        # The time of an evaluation depends on the number of training examples that it measures.
        shared["examined"] = self.example.protocol.eval.train_examples
        machine = [hardware(numerics.device), cpu_features()]
        # A new version of torch or of adamcmp may be faster or slower.
        code = [package_version("torch"), source_digest()]
        content = [*components, shared, numerics.identity(), *code, *machine]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]


def run_kinds_by_key(configs: Iterable[RunConfig]) -> Mapping[str, RunKind]:
    """Return the kinds of runs by their key, read-only (see `run_kind_key`).

    Raises:
        AdamcmpError: If a dataset cannot be read, or a run has too many evaluations.
    """
    counts: Counter[str] = Counter()
    examples: dict[str, RunConfig] = {}
    for config in configs:
        key = run_kind_key(config)
        counts[key] += 1
        examples.setdefault(key, config)
    run_kinds = {}
    for key, config in examples.items():
        length = horizon(config, len(config.data().train))
        evaluations = len(evaluation_steps(config.protocol.eval, length))
        run_kinds[key] = RunKind(config, length.steps, evaluations, counts[key])
    return MappingProxyType(run_kinds)


def run_kind_key(config: RunConfig) -> str:
    """Return the key of a run's kind: a digest of what the lanes of a group must share.

    The numerics are not part of it, since the runs of a study share them.
    """
    digest = hashlib.blake2b("\0".join(_structure(config)).encode(), digest_size=12).hexdigest()
    return sys.intern(digest)  # all runs of a kind hold it


def _structure(config: RunConfig) -> tuple[str, ...]:
    """Return what the lanes of a group share, each component as JSON; the protocol is the last."""
    return (
        config.dataset.canonical,
        config.model.canonical,
        _optimizer_structure(config.optimizer),
        config.loss.canonical,
        config.protocol.structure,
    )


# All seeds of a setting have equal optimizers.
@lru_cache(maxsize=1 << 14)
def _optimizer_structure(optimizer: Optimizer) -> str:
    return canonical_json(optimizer.structure())
