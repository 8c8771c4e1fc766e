"""A synthetic teacher-student problem: the targets come from a random network."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from adamcmp.components.data import Floats, ProblemType, Split
from adamcmp.components.datasets._base import Dataset
from adamcmp.platform.random_streams import stream_seed

Count = Annotated[int, Field(ge=1)]


class Teacher(Dataset):
    """Gaussian inputs, targets from a random two-layer tanh network, and adjustable noise.

    The teacher's outputs f(x) are scaled to unit variance. Regression targets are f(x) + noise·ε.
    The class is that of the largest f(x) + noise·ε: without noise it can be learned without error,
    with large noise it is random. Test targets have the same noise.

    Attributes:
        task: ``classification`` or ``regression``.
        features: Number of inputs.
        outputs: Number of classes, or of regression targets.
        hidden: Width of the teacher.
        noise: Standard deviation of the noise, in units of that of f(x).
        train_examples: Number of training examples (validation included).
        test_examples: Number of test examples.
        teacher_seed: Seed of the teacher, the inputs and the noise. With `data_seed`, the inputs
            and the noise of the training examples are drawn with that seed instead.
    """

    task: ProblemType = "classification"
    features: Count = 20
    outputs: Count = 10
    hidden: Count = 32
    noise: Annotated[float, Field(ge=0)] = 0.1
    train_examples: Annotated[int, Field(ge=2)] = 4000
    test_examples: Count = 1000
    teacher_seed: Annotated[int, Field(ge=0)] = 0

    is_generated: ClassVar[bool] = True

    @property
    def problem_type(self) -> ProblemType:
        """See `Dataset.problem_type`."""
        return self.task

    def read(self) -> tuple[Split, Split]:
        """See `Dataset.read`."""
        rng = np.random.default_rng(self.teacher_seed)
        w1 = rng.standard_normal((self.features, self.hidden)) / np.sqrt(self.features)
        w2 = rng.standard_normal((self.hidden, self.outputs))
        x = rng.standard_normal((self.train_examples + self.test_examples, self.features))
        clean = np.tanh(2 * x @ w1) @ w2
        scale = clean.std()
        y = self._targets(clean / scale, rng)
        cut = self.train_examples
        train, test = Split(x[:cut], y[:cut]), Split(x[cut:], y[cut:])
        if self.data_seed is not None:
            rng = np.random.default_rng(stream_seed(self.sampling_seed, "teacher"))
            x = rng.standard_normal(train.x.shape)
            train = Split(x, self._targets(np.tanh(2 * x @ w1) @ w2 / scale, rng))
        return train, test

    def _targets(self, outputs: Floats, rng: np.random.Generator) -> Floats:
        """Return the targets of examples, from the teacher's outputs of unit variance."""
        scores = outputs + self.noise * rng.standard_normal(outputs.shape)
        return scores if self.task == "regression" else scores.argmax(axis=1)
