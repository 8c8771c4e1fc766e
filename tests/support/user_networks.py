"""Networks and optimizers as users write them, for ``model.target`` and ``optimizer.target``."""

import random
from typing import ClassVar

import numpy as np
import pytorch_optimizer
import torch
from torch import nn


class Plain(nn.Module):
    """A network with one hidden layer."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.hidden = nn.Linear(inputs[0], 8)
        self.head = nn.Linear(8, outputs)

    def forward(self, x):
        return self.head(torch.relu(self.hidden(x)))


class RecordsThreads(Plain):
    """Records the number of threads of its forward passes."""

    threads: ClassVar[set[int]] = set()

    def forward(self, x):
        self.threads.add(torch.get_num_threads())
        return super().forward(x)


class NumPyWeights(Plain):
    """Draws weights from the global generators of NumPy and Python."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        with torch.no_grad():
            self.hidden.weight.copy_(torch.from_numpy(np.random.randn(8, inputs[0])))  # noqa: NPY002
            self.hidden.bias.fill_(random.random())


class UnseededWeights(Plain):
    """Draws weights from a generator that nobody can seed."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        with torch.no_grad():
            self.head.bias.copy_(torch.from_numpy(np.random.default_rng().normal(size=outputs)))


class SelfSeeded(Plain):
    """Seeds torch itself, so that every run has the same initial weights."""

    def __init__(self, inputs, outputs):
        torch.manual_seed(0)
        super().__init__(inputs, outputs)


class ZeroWeights(Plain):
    """Has the same initial weights in every run since they are zeros, and draws none."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        for p in self.parameters():
            nn.init.zeros_(p)


class NumPyNoise(Plain):
    """Draws noise from NumPy's global generator in each forward pass, in evaluations too."""

    def forward(self, x):
        return super().forward(x) + np.random.randn()  # noqa: NPY002


class RunningMean(Plain):
    """Assigns a new tensor to its buffer in each training step, after using the old one."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.register_buffer("running", torch.zeros(inputs[0]))

    def forward(self, x):
        scaled = x * (1 + self.hidden.weight[0] * self.running)
        if self.training:
            self.running = 0.5 * self.running + 0.5 * x.detach().abs().mean(0)
        return super().forward(scaled)


class PlainRunningMean(Plain):
    """Keeps its running mean in an attribute that is no buffer."""

    running = 0.0

    def forward(self, x):
        self.running = 0.5 * self.running + 0.5 * x.detach().mean(0)
        return super().forward(x - self.running)


class Counter(Plain):
    """Counts its forward passes."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x)


class StoredActivations(Plain):
    """Stores values that no later pass reads."""

    def forward(self, x):
        self.size, self.activations = len(x), self.hidden(x).detach()
        return super().forward(x)


class LateBuffer(Plain):
    """Creates its buffer in the first forward pass."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.register_buffer("mean", None)

    def forward(self, x):
        if self.mean is None:
            self.mean = x.mean(0)
        return super().forward(x - self.mean)


class GrowingBuffer(Plain):
    """Appends each batch to its buffer."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.register_buffer("memory", torch.zeros(0, inputs[0]))

    def forward(self, x):
        self.memory = torch.cat([self.memory, x.detach()])
        return super().forward(x)


class ClippedWeights(Plain):
    """Replaces the data of a parameter."""

    def forward(self, x):
        self.hidden.weight.data = self.hidden.weight.data.clamp(-0.1, 0.1)
        return super().forward(x)


class SparseGradients(nn.Module):
    """An embedding with sparse gradients."""

    def __init__(self, outputs):
        super().__init__()
        self.embedding = nn.Embedding(2, 4, sparse=True)
        self.head = nn.Linear(4, outputs)

    def forward(self, x):
        return self.head(self.embedding((x > 0).long()).mean(1))


class Noisy(RunningMean):
    """Draws from all global generators, and its outputs depend on its running mean."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.noise = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(inputs[0]))

    def forward(self, x):
        if self.training:
            x = self.noise(x) * (1 + 0.1 * np.random.rand() + 0.1 * random.random())  # noqa: NPY002
        return super().forward(x)


class Lazy(nn.Sequential):
    """Its first batch determines its shapes."""

    def __init__(self, outputs):
        super().__init__(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(outputs))


class Eager(nn.Sequential):
    """`Lazy` with shapes."""

    def __init__(self, inputs, outputs):
        layers = nn.Linear(inputs[0], 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, outputs)
        super().__init__(*layers)


class PartlyUsed(Plain):
    """One layer is never used, another one in some training steps."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.unused = nn.Linear(3, 3)
        self.sometimes = nn.Linear(8, outputs)

    def forward(self, x):
        outputs = super().forward(x)
        if not self.training or x.sum() > 0:
            outputs = outputs + self.sometimes(torch.relu(self.hidden(x)))
        return outputs


class ShapeAsNumber(nn.Linear):
    """Takes the shape of an example for a number."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)


class BackAndForth(torch.optim.SGD):
    """Evaluates the model at other weights and back again, before a step of SGD."""

    losses = []

    @torch.no_grad()
    def step(self, closure):
        weights = self.param_groups[0]["params"]
        losses = [closure()]
        for distance in (0.5, -0.5):
            for p in weights:
                p.data = p + distance  # another tensor
            losses.append(closure())
        self.losses.append([loss.item() for loss in losses])
        super().step()


class SAM(pytorch_optimizer.SAM):
    """Sharpness-aware minimization with SGD, whose step fails without a closure."""

    def __init__(self, params, lr):
        super().__init__(params, torch.optim.SGD, rho=0.1, lr=lr)


class NaN(torch.optim.SGD):
    """Sets the weights to NaN in its third step."""

    def step(self, closure=None):
        super().step(closure)
        for p in self.param_groups[0]["params"]:
            steps = self.state[p]["steps"] = self.state[p].get("steps", 0) + 1
            if steps == 3:
                p.fill_(torch.nan)


class MatricesOnly(torch.optim.SGD):
    """Fails in its first step with vectors."""

    def step(self, closure=None):
        if any(p.ndim != 2 for group in self.param_groups for p in group["params"]):
            raise ValueError("matrices only")
        return super().step(closure)


class NeedsMore(torch.optim.SGD):
    """Has an argument without default."""

    def __init__(self, params, lr, momentum):
        super().__init__(params, lr, momentum)


class Failing(torch.optim.SGD):
    """Fails in its first step."""

    def step(self, closure=None):
        raise ValueError("no step")


class OneStep(torch.optim.SGD):
    """Fails in its second step."""

    @torch.no_grad()
    def step(self, closure=None):
        for param in self.param_groups[0]["params"]:
            if self.state[param]:
                raise KeyError("momentum")
            self.state[param]["steps"] = torch.ones(())


class WithoutNoGrad(torch.optim.Optimizer):
    """Gradient descent whose step records gradients, so that outside no_grad it fails."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    def step(self, closure=None):
        for group in self.param_groups:
            for param in group["params"]:
                param -= group["lr"] * param.grad


class CountingSteps(torch.optim.SGD):
    """Counts its steps in an attribute."""

    def __init__(self, params, lr):
        super().__init__(params, lr)
        self.steps = 0

    def step(self, closure=None):
        self.steps += 1
        return super().step(closure)


class OwnMomentum(torch.optim.SGD):
    """Keeps a buffer in an attribute."""

    def __init__(self, params, lr):
        super().__init__(params, lr)
        self.buffers = {}

    def step(self, closure=None):
        for param in self.param_groups[0]["params"]:
            self.buffers[param] = param.grad.add_(self.buffers.get(param, 0))
        return super().step(closure)


class NaNSteps(torch.optim.SGD):
    """Makes the weights NaN."""

    @torch.no_grad()
    def step(self, closure=None):
        for param in self.param_groups[0]["params"]:
            param.mul_(float("nan"))


class Unseeded(torch.optim.SGD):
    """Adds noise from a generator of its module."""

    generator = torch.Generator().manual_seed(0)

    @torch.no_grad()
    def step(self, closure=None):
        for param in self.param_groups[0]["params"]:
            param.add_(torch.randn(param.shape, generator=self.generator))
