"""Arguments of studies that train within a second."""

SMALL = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50"]
FAST = [*SMALL, "steps=6", "eval.every_steps=2", "study=s"]
