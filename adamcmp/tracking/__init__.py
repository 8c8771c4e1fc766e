"""Writing stored runs to an experiment tracker.

`adamcmp.tracking.process.tracked` connects a tracker to an execution; `adamcmp.tracking.worker`
writes the runs, in a separate process.
"""
