"""Draw the paths of optimizers on a function of two variables, as a picture or an animation."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from adamcmp.analysis.wording import display_name
from adamcmp.experiments.choice_styles import choice_styles
from adamcmp.experiments.descent import Descent
from adamcmp.experiments.landscapes import Landscape
from adamcmp.plots.drawing.legends import add_legend
from adamcmp.plots.drawing.panels import PAGE_INCHES
from adamcmp.plots.drawing.styles import STYLE

#: Points of the grid on which a function is evaluated, in each direction.
GRID = 200
CONTOURS = 14
#: The lowest and the highest height that are shown, divided by that of the start.
SHOWN = 1e-7, 1e2
#: Heights of a minimum that is met exactly are drawn here, below all others.
LOWEST = 1e-300
#: An animation has at most so many frames, and so many per second.
FRAMES, FRAMES_PER_SECOND = 60, 12
NOTE = (
    "Dot: start. Star: minimum. Plus: the origin, towards which weights decay. Each path ends at "
    "its marker."
)


class LandscapePicture:
    """A picture of paths, of which any number of steps can be shown.

    Args:
        landscape: The function.
        descents: Descents with the same start.

    Attributes:
        figure: The picture, which shows all steps.
        steps: The number of steps of the longest path.
    """

    def __init__(self, landscape: Landscape, descents: Sequence[Descent]) -> None:
        self._descents, self._least = descents, _least(landscape)
        self.steps = max(len(descent.values) for descent in descents) - 1
        styles = choice_styles([descent.optimizer for descent in descents])
        with mpl.rc_context(STYLE):  # type: ignore[arg-type]
            self.figure = Figure(figsize=(PAGE_INCHES, 3.5), layout="constrained")
            plane, heights = self.figure.subplots(1, 2, width_ratios=(1.25, 1))
            _draw_function(plane, landscape, descents[0])
            self._trails, self._ends, self._curves = [], [], []
            for style in styles:
                line = {"color": style["color"], "ls": style["ls"], "lw": 1.1}
                end = {"color": style["color"], "marker": style["marker"], "ms": 5, "mec": "white"}
                self._trails += plane.plot([], [], **line)
                self._ends += plane.plot([], [], **end, mew=0.7, zorder=5)
                self._curves += heights.plot([], [], **line)
            _label_heights(heights, descents, self._least)
            add_legend(self.figure, _handles(descents), NOTE)
            self.show(self.steps)

    def show(self, steps: int) -> list[Line2D]:
        """Show the first steps of each path; return the artists that have changed."""
        artists = zip(self._descents, self._trails, self._ends, self._curves, strict=True)
        for descent, trail, end, curve in artists:
            points = descent.points[: steps + 1]
            trail.set_data(points[:, 0], points[:, 1])
            end.set_data(points[-1:, 0], points[-1:, 1])
            values = descent.values[: steps + 1] - self._least
            curve.set_data(np.arange(len(values)), np.maximum(values, LOWEST))
        return [*self._trails, *self._ends, *self._curves]

    def animation(self) -> FuncAnimation:
        """Return an animation of the steps."""
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")  # instead of a new layout for each frame
        frames = np.linspace(0, self.steps, min(self.steps, FRAMES) + 1).round().astype(int)
        last = [frames[-1]] * FRAMES_PER_SECOND  # the end is shown for a second
        return FuncAnimation(self.figure, self.show, [*frames, *last], blit=False)


def _draw_function(ax: Axes, landscape: Landscape, descent: Descent) -> None:
    """Draw contours with equal distances on a logarithmic scale, and the special points."""
    low_x, high_x, low_y, high_y = landscape.limits
    x, y = np.meshgrid(np.linspace(low_x, high_x, GRID), np.linspace(low_y, high_y, GRID))
    height = landscape.value(torch.from_numpy(x), torch.from_numpy(y)).numpy() - _least(landscape)
    levels = np.geomspace(height.max() * 1e-4, height.max(), CONTOURS)
    shades = LogNorm(levels[0], levels[-1] * 1e10)  # only the light end of the colormap is used
    ax.contourf(x, y, np.maximum(height, levels[0]), levels, norm=shades, cmap="Greys")
    ax.contour(x, y, height, levels, colors="#bbbbbb", linewidths=0.4)
    ax.plot(*descent.points[0], "o", color="black", ms=4)
    ax.plot(*landscape.minimum, "*", color="black", ms=8)
    ax.plot(0, 0, "+", color="black", ms=7, mew=1.2)
    ax.set(xlabel="x", ylabel="y", xlim=(low_x, high_x), ylim=(low_y, high_y))
    ax.grid(False)
    ax.set_aspect("equal")


def _label_heights(ax: Axes, descents: Sequence[Descent], least: float) -> None:
    heights = np.concatenate([descent.values for descent in descents]) - least
    shown = heights[np.isfinite(heights) & (heights > LOWEST)]
    ax.set(xlabel="steps", ylabel="f above its minimum", yscale="log")
    ax.set_xlim(0, max(len(descent.values) for descent in descents) - 1)
    if len(shown):  # paths that meet the minimum, or diverge, would stretch the scale
        start = heights[0] if heights[0] in shown else shown.max()
        lowest, highest = np.clip((shown.min(), shown.max()), SHOWN[0] * start, SHOWN[1] * start)
        ax.set_ylim(lowest / 1.5, highest * 1.5)
    ax.yaxis.set_minor_formatter(NullFormatter())


def _least(landscape: Landscape) -> float:
    """Return the function's value at its minimum."""
    return float(landscape.value(*map(torch.tensor, landscape.minimum)))


def _handles(descents: Sequence[Descent]) -> list[Line2D]:
    """Return legend handles, with lr and wd."""
    handles = []
    for descent, style in zip(
        descents, choice_styles([p.optimizer for p in descents]), strict=True
    ):
        typed = [part.partition("=")[0] for part in descent.optimizer.text.split(":")[1:]]
        values = {"lr": descent.lr, "wd": descent.wd}
        added = [f"{k} {v:.2g}" for k, v in values.items() if v and k not in typed]
        label = ", ".join([display_name(descent.optimizer.label), *added])
        handles.append(Line2D([], [], label=label, **{**style, "ms": 4}))
    return handles
