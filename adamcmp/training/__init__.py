"""Training a group of lanes, from its run specs to its rows.

Nothing here is imported before a group is trained: `adamcmp.training.loop` imports torch.
"""
