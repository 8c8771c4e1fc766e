"""The yaml files of all components, which Hydra searches as ``pkg://adamcmp.configs``."""
