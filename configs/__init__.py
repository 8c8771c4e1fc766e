"""The yaml files of all parts, found by Hydra as ``pkg://adamcmp.configs``."""
