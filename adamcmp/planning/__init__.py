"""From a study to its plan: run specs, lane groups and their expected cost.

`adamcmp.planning.plan.make_plan` is the entry point.
"""
