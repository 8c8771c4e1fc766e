"""A hand-written training loop over torch.optim, which shares no code with training."""

import torch
from torch import nn
from torch.nn import functional as F

from adamcmp.planning.horizon import horizon
from adamcmp.platform.random_streams import stream_seed
from adamcmp.training.device_data import BatchOrder


def plain_loop(
    spec,
    optimizer,
    build=None,
    clip=None,
    smoothing=0.0,
    schedule=None,
    with_norm=False,
    step=None,
    create_graph=False,
):
    """Train the same run in a plain PyTorch loop; return its losses and errors.

    With `with_norm`, return the norm of its parameters too. `step` takes the step of an
    optimizer, given a function that sets the gradients and returns the loss.
    """
    config = spec.config
    data = config.data()
    torch.manual_seed(stream_seed(config.protocol.seed, "init"))
    net = (build or (lambda: config.model.build(data.shape)))().double()
    x, y = torch.as_tensor(data.train.x).double(), torch.as_tensor(data.train.y)
    torch_optimizer = optimizer(net.parameters())
    scheduler = schedule(torch_optimizer) if schedule else None
    steps = horizon(config, len(x)).steps
    order = BatchOrder(config.protocol.seed, len(x), config.protocol.batch_size)
    for number, batch in enumerate(order.batches(0, steps), start=1):
        torch.manual_seed(stream_seed(config.protocol.seed, "global", number))

        def closure(batch=batch):
            torch_optimizer.zero_grad()
            outputs = net(x[batch])
            loss = F.cross_entropy(outputs, y[batch], label_smoothing=smoothing)
            loss.backward(create_graph=create_graph)
            if clip:
                nn.utils.clip_grad_norm_(net.parameters(), clip)
            return loss

        if step:
            step(torch_optimizer, closure)
        else:
            closure()
            torch_optimizer.step()
        if scheduler:
            scheduler.step()
    net.eval()
    if hasattr(torch_optimizer, "eval"):
        torch_optimizer.eval()
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
