"""Trains a group of lanes: from its run specs to the rows of its runs.

Only `adamcmp.training.tasks` and `adamcmp.training.outcome` can be imported without torch.
"""
