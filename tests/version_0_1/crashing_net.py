"""A network of the user's own whose training crashes at its fifth batch."""

import torch  # noqa: F401
from torch import nn


class Crashes(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.line = nn.Linear(inputs[0], outputs)
        self.batches = 0

    def forward(self, x):
        if self.training:
            self.batches += 1
            if self.batches > 5:
                raise RuntimeError("the fifth batch is broken")
        return self.line(x)
