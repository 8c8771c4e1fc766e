#!/usr/bin/env python3
"""Train the grid with JAX: vmap over runs, scan over steps, everything jitted."""

from __future__ import annotations

import argparse
import math
import os
import time
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from _shared import HIDDEN, Cell, RunResult, arguments, cells, parallel_map, report, splits

Tree = Any


def initial(seed: int, sizes: tuple[int, ...]) -> Tree:
    """Return initial weights from the distribution of torch.nn.Linear, U(−1/√n, 1/√n)."""
    rng = np.random.default_rng([seed, 0])
    layers = []
    for n, m in pairwise(sizes):
        shapes = ((n, m), (m,))
        draws = (rng.uniform(-1, 1, shape) / math.sqrt(n) for shape in shapes)
        layers.append(tuple(draw.astype(np.float32) for draw in draws))
    return layers


def order(seed: int, examples: int, batch: int, steps: int) -> np.ndarray[Any, Any]:
    """Return the indices of each batch (steps, batch), without replacement within an epoch."""
    rng = np.random.default_rng([seed, 1])
    batches = examples // batch
    epochs = [rng.permutation(examples)[: batches * batch] for _ in range(-(-steps // batches))]
    return np.concatenate(epochs).reshape(-1, batch)[:steps].astype(np.int32)


def losses(params: Tree, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return mean cross-entropy and error rate on x (B, n), y (B,)."""
    for w, b in params[:-1]:
        x = jax.nn.relu(x @ w + b)
    logits = x @ params[-1][0] + params[-1][1]
    log_p = jax.nn.log_softmax(logits)
    loss = -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()
    return loss, (logits.argmax(1) != y).mean()


def adamw(params: Tree, grads: Tree, m: Tree, v: Tree, lr: Any, wd: Any, t: Any) -> Tree:
    """Return params, m and v after step t ≥ 1 of torch.optim.AdamW with its defaults."""
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
    step, root = lr / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)

    def update(p: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
        return p * (1 - lr * wd) - step * m / (jnp.sqrt(v) / root + 1e-8)

    return jax.tree.map(update, params, m, v), m, v


def train(state: Tree, lr: Any, wd: Any, index: Any, start: Any, total: int, data: Tree) -> Tree:
    """Train M lanes for K steps from step `start` on, on the batches of index (K, M, B)."""
    x, y = data

    def lane(params: Tree, m: Tree, v: Tree, batch: Any, lr: Any, wd: Any, t: Any) -> Tree:
        grads = jax.grad(lambda p: losses(p, x[batch], y[batch])[0])(params)
        return adamw(params, grads, m, v, lr, wd, t)

    def step(state: Tree, scanned: Any) -> tuple[Tree, None]:
        batch, t = scanned
        lr_t = lr * (1 + jnp.cos(jnp.pi * t / total)) / 2
        lanes = jax.vmap(lane, in_axes=(0, 0, 0, 0, 0, 0, None))
        return lanes(*state, batch, lr_t, wd, t + 1), None

    return jax.lax.scan(step, state, (index, start + jnp.arange(len(index))))[0]


def evaluate(params: Tree, data: dict[str, Tree]) -> dict[str, tuple[jax.Array, jax.Array]]:
    """Return each split's loss (M,) and error (M,)."""
    return {n: jax.vmap(losses, in_axes=(0, None, None))(params, *d) for n, d in data.items()}


def work(options: argparse.Namespace, group: list[Cell]) -> list[RunResult]:
    """Train a group of runs at once; the time does not include compilation."""
    _configure(options)
    arrays = splits(options.data)
    data = {name: (jnp.asarray(x), jnp.asarray(y, jnp.int32)) for name, (x, y) in arrays.items()}
    examples, inputs = arrays["train"][0].shape
    lr, wd = (jnp.asarray([getattr(c, n) for c in group], jnp.float32) for n in ("lr", "wd"))
    runs = [initial(cell.seed, (inputs, *HIDDEN, 10)) for cell in group]
    params = jax.tree.map(lambda *leaves: jnp.stack(leaves), *runs)
    state = (params, *(jax.tree.map(jnp.zeros_like, params) for _ in "mv"))
    orders = [order(cell.seed, examples, options.batch_size, options.steps) for cell in group]
    index = jnp.asarray(np.stack(orders, axis=1))

    every = options.eval_every
    jitted = jax.jit(train, static_argnames="total", donate_argnums=0)
    compiled = jitted.lower(state, lr, wd, index[:every], 0, options.steps, data["train"]).compile()
    measure = jax.jit(evaluate).lower(params, data).compile()

    started = time.perf_counter()
    history = [jax.device_get(measure(state[0], data))]
    for start in range(0, options.steps, every):
        state = compiled(state, lr, wd, index[start : start + every], start, data["train"])
        history.append(jax.device_get(measure(state[0], data)))
    seconds = (time.perf_counter() - started) / len(group)
    train_loss, test_error = history[-1]["train"][0], history[-1]["test"][1]
    return [
        RunResult(float(train_loss[i]), 1 - float(test_error[i]), len(history), seconds)
        for i in range(len(group))
    ]


def _configure(options: argparse.Namespace) -> None:
    """Compute float32 in float32, as torch does, and use JAX's compilation cache."""
    jax.config.update("jax_platforms", options.device)
    jax.config.update("jax_default_matmul_precision", "highest")
    if options.cache:
        jax.config.update("jax_compilation_cache_dir", options.cache)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--width", type=int, default=8, help="runs trained at once in a process")
    parser.add_argument("--cache", help="folder of JAX's compilation cache")
    options = parser.parse_args()
    if options.steps % options.eval_every:
        parser.error("supports only steps divisible by --eval-every")
    if options.processes > 1:  # one thread per process
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    grid, width = cells(options), options.width
    groups = [grid[i : i + width] for i in range(0, len(grid), width)]
    results = parallel_map(partial(work, options), groups, options.processes)
    report([run for group in results for run in group], options.processes)
