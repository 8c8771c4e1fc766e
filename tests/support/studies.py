"""Overrides of runs that train within a second."""

SMALL = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50"]
FAST = [*SMALL, "steps=3", "eval.every_steps=1"]
#: Runs of study ``s`` with some steps between evaluations, as most reports have.
STUDY_S = [*SMALL, "steps=6", "eval.every_steps=2", "study=s"]
