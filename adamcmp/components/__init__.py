"""What an experiment is made of: datasets, models, optimizers, schedules, losses and trackers."""
