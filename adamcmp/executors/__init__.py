"""Executors run any function of a group; they know nothing of training."""

from adamcmp.executors.serial import serial

__all__ = ["serial"]
