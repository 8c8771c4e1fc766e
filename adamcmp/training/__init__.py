"""Train a group of lanes: from its run specs to the rows of its runs.

Only `adamcmp.training.tasks` and `adamcmp.training.outcome` do not import torch.
"""
