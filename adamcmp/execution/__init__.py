"""Running groups: scheduler, reservations, executors."""
