"""Follow optimizers on a function of two variables, and draw or animate their paths."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from adamcmp.config import Composer
from adamcmp.errors import ConfigError, StoreError, nearest
from adamcmp.experiments.descent import Descent, compose_descent, descend
from adamcmp.experiments.landscapes import Landscape, Point, parse_landscape
from adamcmp.experiments.optimizer_choice import OptimizerChoice, split_arguments
from adamcmp.platform.files import expand_user
from adamcmp.plots import FORMATS, save

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.animation import FuncAnimation
    from matplotlib.figure import Figure

    from adamcmp.experiments.landscape_plot import LandscapePicture

#: The optimizers that are shown if none is named.
OPTIMIZERS = ("sgd:momentum=0", "sgd:momentum=0.9", "rmsprop", "adam")
ANIMATIONS = ("gif", "mp4")
#: Dots per inch of an animation.
ANIMATION_DPI = 90


@dataclass(frozen=True)
class Descents:
    """The result of `adamcmp.landscape`.

    Attributes:
        landscape: The function.
        descents: The descent of each optimizer.
    """

    landscape: Landscape
    descents: tuple[Descent, ...]

    @property
    def paths(self) -> pd.DataFrame:
        """All points: columns ``optimizer step x y value``."""
        import pandas as pd

        parts = [
            pd.DataFrame(descent.points, columns=["x", "y"]).assign(
                optimizer=descent.optimizer.text,
                step=range(len(descent.values)),
                value=descent.values,
            )
            for descent in self.descents
        ]
        return pd.concat(parts, ignore_index=True)[["optimizer", "step", "x", "y", "value"]]

    def figure(self) -> Figure:
        """Return the picture."""
        return self._picture().figure

    def animation(self) -> FuncAnimation:
        """Return the animation, which a notebook shows as ``HTML(animation.to_jshtml())``."""
        return self._picture().animation()

    def _picture(self) -> LandscapePicture:
        from adamcmp.experiments.landscape_plot import LandscapePicture

        return LandscapePicture(self.landscape, self.descents)


def follow_optimizers(
    function: str,
    arguments: Iterable[str] = (),
    start: Point | None = None,
    config_dir: str | None = None,
) -> Descents:
    """Follow optimizers on a function of two variables.

    Args:
        function: A function with its settings, such as ``quadratic:condition=100``.
        arguments: Optimizers with their settings (``sgd:momentum=0``), and overrides of all.
            Without optimizers, `OPTIMIZERS` are followed.
        start: Where they start; None: where the function's picture starts.
        config_dir: A folder of the user's yaml files.

    Raises:
        ConfigError: If an argument is invalid.
    """
    landscape = parse_landscape(function)
    choices, overrides = split_arguments(arguments)
    choices = choices or [OptimizerChoice.parse(text) for text in OPTIMIZERS]
    composer = Composer(config_dir)
    specs = [compose_descent(composer, choice, landscape, overrides) for choice in choices]
    begin = start or landscape.start
    descents = [descend(spec, c, landscape, begin) for spec, c in zip(specs, choices, strict=True)]
    return Descents(landscape, tuple(descents))


def descent_row(descent: Descent) -> dict[str, Any]:
    """Return the end of a descent; None for values that are not finite."""
    (x, y), value = descent.points[-1], descent.values[-1]
    end = {"x": x, "y": y, "value": value}
    finite = {name: float(v) if np.isfinite(v) else None for name, v in end.items()}
    settings = {"optimizer": descent.optimizer.text, "lr": descent.lr, "wd": descent.wd}
    return {**settings, "steps": len(descent.values) - 1, **finite}


def picture_file(out: str | None, function: str) -> Path:
    """Return the file of a picture or an animation.

    Args:
        out: Its path; the suffix is the format. None: a PNG file with the function's name.
        function: The function.

    Raises:
        ConfigError: If the suffix is no format, an encoder is missing, or the path is a folder.
    """
    path = expand_user(out) if out else Path(f"{function.partition(':')[0]}.png")
    suffix = path.suffix[1:].lower()
    known = (*FORMATS, *ANIMATIONS)
    if suffix not in known:
        raise ConfigError(
            f"--out {out}: the file's name must end in .{', .'.join(known)}; the last two are "
            f"animations.{nearest(suffix, known)}"
        )
    if path.is_dir():
        raise ConfigError(f"--out {out} is a folder. Name a file, such as {path}/paths.png.")
    if suffix == "mp4" and not _has_ffmpeg():
        raise ConfigError(
            f"--out {out}: an mp4 needs the program ffmpeg, which is not on the PATH. Install it, "
            f"or write a gif."
        )
    return path.with_suffix(f".{suffix}")


def write_picture(descents: Descents, file: Path) -> None:
    """Write a picture or an animation of paths.

    Raises:
        StoreError: If the file cannot be written.
    """
    from adamcmp.experiments.landscape_plot import FRAMES_PER_SECOND

    suffix = file.suffix[1:]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if suffix in FORMATS:
            save(descents.figure(), file, suffix, file.stem)
            return
        writer = "pillow" if suffix == "gif" else "ffmpeg"
        descents.animation().save(file, writer=writer, fps=FRAMES_PER_SECOND, dpi=ANIMATION_DPI)
    except OSError as error:
        raise StoreError(f"Cannot write {file}: {error.strerror or error}.") from None


def _has_ffmpeg() -> bool:
    from matplotlib.animation import writers

    return writers.is_available("ffmpeg")
