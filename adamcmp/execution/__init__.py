"""Executing a plan: reservations, executors, the scheduler.

`adamcmp.execution.execute.execute` is the entry point: the whole pipeline in one function.
"""
