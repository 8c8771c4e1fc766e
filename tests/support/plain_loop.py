"""A hand-written training loop over torch.optim, which shares no code with training."""

import torch
from torch import nn
from torch.nn import functional as F

from adamcmp.planning.horizon import horizon
from adamcmp.platform.random_streams import stream_seed
from adamcmp.training.device_data import BatchOrder


def plain_loop(
    spec, optimizer, build=None, clip=None, smoothing=0.0, schedule=None, with_norm=False
):
    """Train the same run in a plain PyTorch loop; return its losses and errors.

    With `with_norm`, return the norm of its parameters too.
    """
    config = spec.config
    data = config.data()
    torch.manual_seed(stream_seed(config.protocol.seed, "init"))
    net = (build or (lambda: config.model.build(data.shape)))().double()
    x, y = torch.as_tensor(data.train.x).double(), torch.as_tensor(data.train.y)
    torch_optimizer = optimizer(net.parameters())
    scheduler = schedule(torch_optimizer) if schedule else None
    steps = horizon(config, len(x)).steps
    for batch in BatchOrder(config.protocol.seed, len(x), config.protocol.batch_size).batches(
        0, steps
    ):
        torch_optimizer.zero_grad()
        F.cross_entropy(net(x[batch]), y[batch], label_smoothing=smoothing).backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        torch_optimizer.step()
        if scheduler:
            scheduler.step()
    net.eval()
    with torch.no_grad():
        measured = {}
        for name in ("train", "val", "test"):
            split = getattr(data, name)
            out, target = net(torch.as_tensor(split.x).double()), torch.as_tensor(split.y)
            measured[f"{name}_loss"] = F.cross_entropy(out, target).item()
            measured[f"{name}_error"] = (out.argmax(1) != target).double().mean().item()
    if with_norm:
        return measured, nn.utils.parameters_to_vector(net.parameters()).norm().item()
    return measured
