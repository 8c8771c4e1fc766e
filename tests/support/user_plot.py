"""A plot in a file of the user."""

PLOT = """
'''Losses of runs.

Each line is a run.'''
from matplotlib.figure import Figure
def data(runs, metrics, *, metric="train_loss"):
    assert set(metrics["run_id"]) == set(runs["run_id"])
    return runs[metric]
def draw(data):
    figure = Figure()
    figure.subplots().hist(data)
    return figure
"""
