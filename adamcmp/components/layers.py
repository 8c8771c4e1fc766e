"""Layers that torch.nn does not have, or whose torch.nn version cannot be batched over lanes.

Shapes: B batch, L steps of a sequence, T tokens, D features, C channels, H, W image sides.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adamcmp.components.batched_kernels import attention, layer_norm
from adamcmp.platform.random_streams import advance_key, uniform


class Dropout(nn.Module):
    """Dropout whose mask is drawn from the run's random stream, not torch's global generator.

    Attributes:
        rate: Probability of zeroing an element. The others are scaled by 1/(1 − rate).
        key: Random key of the step, set by the training step before each forward pass.
        site: Index of the layer in the network, so that two layers draw different masks.
    """

    key: Tensor

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.site = 0
        self.register_buffer("key", torch.zeros((), dtype=torch.int64), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` (any shape), with elements dropped in training mode."""
        if not self.training or not self.rate:
            return x
        counter = torch.arange(1, x.numel() + 1, device=x.device).view(x.shape)
        # Each layer has 2^40 numbers of the sequence, more than it has elements, so that no two
        # layers share any.
        mask = uniform(advance_key(self.key, self.site << 40), counter) >= self.rate
        return x * mask / (1 - self.rate)


def number_sites(network: nn.Module) -> list[str]:
    """Set the `site` of each Dropout in a network; return the names of their key buffers."""
    keys = []
    for site, (name, module) in enumerate(network.named_modules()):
        if isinstance(module, Dropout):
            module.site = site
            keys.append(f"{name}.key" if name else "key")
    return keys


class BatchNorm(nn.BatchNorm1d):
    """nn.BatchNorm1d on (B, D), computed with sums over the batch.

    Batched over lanes, torch's kernel treats the features of all lanes as channels of one batch,
    and rounding depends on the number of lanes. With sums over the batch, it does not.
    """

    running_mean: Tensor
    running_var: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalized batch. In training mode, update the running statistics.

        Raises:
            ValueError: If the batch has a single example in training mode, as in torch.
        """
        mean, var = self.running_mean, self.running_var
        if self.training:
            momentum, batch = self.momentum or 0.1, x.shape[0]
            if batch == 1:
                raise ValueError("batch normalization needs more than one example in training")
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                # As in torch, the batch is normalized with the biased variance, but the running
                # variance is unbiased.
                unbiased = var * (batch / (batch - 1))
                self.running_mean.mul_(1 - momentum).add_(momentum * mean)
                self.running_var.mul_(1 - momentum).add_(momentum * unbiased)
        return (x - mean) * (var + self.eps).rsqrt() * self.weight + self.bias


class LayerNorm(nn.LayerNorm):
    """nn.LayerNorm over the last axis; it can be traced with a symbolic number of lanes."""

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` (…, D) normalized over its last axis."""
        return layer_norm(x.to(self.weight.dtype), self.weight, self.bias, self.eps)


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """Return x + body(x), shape as `x`."""
        output: Tensor = x + self.body(x)
        return output


class AsSequence(nn.Module):
    """Rows (B, L) and images (B, C, H, W) as sequences (B, steps, D); see `sequence_shape`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the sequences."""
        return x.unsqueeze(-1) if x.ndim == 2 else x.transpose(1, 2).flatten(2)


class Recurrent(nn.Module):
    """A GRU over sequences (B, L, D), with the outputs of all steps (B, L·hidden·directions)."""

    def __init__(self, features: int, hidden: int, layers: int, bidirectional: bool) -> None:
        super().__init__()
        self.gru = nn.GRU(
            features, hidden, num_layers=layers, bidirectional=bidirectional, batch_first=True
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the states of the last layer at every step, flattened."""
        states: Tensor = self.gru(x)[0]
        return states.flatten(1)


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017, section 3.2.2), (B, T, D) to (B, T, D).

    It consists of products and a softmax, which batch over lanes on every device.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return the attended tokens."""
        batch, tokens, width = x.shape
        qkv = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = (part.transpose(1, 2) for part in qkv.unbind(2))
        attended: Tensor = self.out(attention(q, k, v).transpose(1, 2).flatten(2))
        return attended


class Patches(nn.Module):
    """Cut images (B, C, H, W) or rows (B, L) into flat patches (B, T, values per patch)."""

    def __init__(self, patch: int) -> None:
        super().__init__()
        self.patch = patch

    def forward(self, x: Tensor) -> Tensor:
        """Return the patches, row by row."""
        p = self.patch
        if x.ndim == 2:
            return x.view(x.shape[0], -1, p)
        batch, channels, height, width = x.shape
        tiles = x.view(batch, channels, height // p, p, width // p, p)
        return tiles.permute(0, 2, 4, 1, 3, 5).reshape(batch, -1, channels * p * p)


class Positions(nn.Module):
    """Add a learned embedding of the position to each token (B, T, D)."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        # The initial standard deviation of the position embeddings of ViT.
        self.embedding = nn.Parameter(torch.randn(tokens, width) * 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens with their positions added."""
        return x + self.embedding


class TokenMean(nn.Module):
    """Mean over tokens: (B, T, D) to (B, D)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean token."""
        return x.mean(1)


class BasicBlock(nn.Module):
    """Two 3×3 convolutions with a shortcut, (B, C, H, W) (He et al. 2016, section 4.2).

    If the block changes the shape, the shortcut subsamples and pads with zeros (option A).
    """

    def __init__(
        self, in_channels: int, channels: int, stride: int, norms: list[nn.Module]
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1, self.norm2 = norms
        self.stride = stride
        self.added_channels = channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, smaller by `stride`."""
        h = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        shortcut = x[:, :, :: self.stride, :: self.stride]
        return F.relu(h + F.pad(shortcut, (0, 0, 0, 0, 0, self.added_channels)))


class LogitsOnly(nn.Module):
    """A network without the auxiliary outputs that some torchvision models have in training."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return the network's main output."""
        outputs = self.network(x)
        logits: Tensor = getattr(outputs, "logits", outputs)
        return logits


class RepeatChannels(nn.Module):
    """Repeat a gray image (B, 1, H, W) for a network with color input (B, 3, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the image with three equal channels (B, 3, H, W)."""
        return x.expand(-1, 3, -1, -1)
