"""Overrides of runs that train within a second."""

SMALL = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50"]
#: Runs of `pausing_net`, which train for 60 steps.
PAUSING = [
    *(*SMALL, "steps=60", "eval.every_steps=20", "engine=eager"),
    *("model=custom", "model.target=tests.support.pausing_net.PausingNet"),
]
#: Not traced, which takes longer than these steps.
THREE_STEPS = [*SMALL, "steps=3", "eval.every_steps=1", "engine=eager"]
#: Runs of study ``s`` with some steps between evaluations, as most reports have.
FAST = [*SMALL, "steps=6", "eval.every_steps=2", "engine=eager", "study=s"]
#: A study file of two grids and a second stage.
STUDY_FILE = """\
# Two optimizers, each with a separate grid
common: {dataset: teacher, dataset.train_examples: 200, dataset.test_examples: 50, steps: 3,
  eval.every_steps: 3, seeds: 2}
blocks:
  adam: {optimizer: [adam_l2, adamw], lr: [1e-3, 1e-2], wd: 0.1}
  sgd: {optimizer: sgd, lr: 0.1, wd: [0, 1e-3, 1e-2]}
select: {by: optimizer, top: 1, seeds: 3}
"""
