"""One training step of a group of lanes."""
