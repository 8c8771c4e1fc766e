"""The components of a run: datasets, models, optimizers, schedules and losses; and trackers."""
