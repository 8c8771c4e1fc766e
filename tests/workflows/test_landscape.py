"""Paths on functions of two variables: tables, pictures and animations."""

import numpy as np
import pytest

from adamcmp.errors import ConfigError, StoreError
from adamcmp.experiments.landscape_plot import FRAMES, LandscapePicture
from adamcmp.workflows.landscape import (
    descent_row,
    follow_optimizers,
    picture_file,
    write_picture,
)


@pytest.fixture(scope="module")
def descents():
    return follow_optimizers(
        "quadratic", ["sgd:momentum=0", "adamw:wd=0.5", "sgd:lr=9", "steps=30"]
    )


def test_tables(descents):
    rows = [descent_row(descent) for descent in descents.descents]
    assert [row["optimizer"] for row in rows] == ["sgd:momentum=0", "adamw:wd=0.5", "sgd:lr=9"]
    assert {row["steps"] for row in rows} == {30} and rows[1]["wd"] == 0.5
    paths = descents.paths
    assert list(paths) == ["optimizer", "step", "x", "y", "value"] and len(paths) == 3 * 31
    last = paths[(paths["optimizer"] == "sgd:momentum=0") & (paths["step"] == 30)].iloc[0]
    assert (last["x"], last["value"]) == (rows[0]["x"], rows[0]["value"])


@pytest.mark.parametrize("start", [(1.0, 0.5), (0.0, 0.0), (1e200, 0.0)])
def test_paths_that_rest_or_overflow_are_drawn(start):
    optimizers = ["sgd:momentum=0:lr=0.1", "adamw:wd=0.5:lr=0.1", "steps=2"]
    descents = follow_optimizers("quadratic", optimizers, start)
    low, high = descents.figure().axes[1].get_ylim()
    assert 0 < low < high < np.inf


def test_default_optimizers():
    descents = follow_optimizers("beale", ["steps=1", "lr=0.1"], (0.5, 0.5)).descents
    assert len(descents) == 4
    assert all(path.points[0].tolist() == [0.5, 0.5] for path in descents)


def test_a_picture_shows_the_paths_up_to_a_step(descents):
    picture = LandscapePicture(descents.landscape, descents.descents)
    trail, *_ = artists = picture.show(7)
    assert len(artists) == 3 * 3
    np.testing.assert_array_equal(trail.get_xydata(), descents.descents[0].points[:8])
    assert len(picture.show(picture.steps)[0].get_xydata()) == 31
    labels = [text.get_text() for text in picture.figure.legends[0].get_texts()]
    assert labels == ["SGD, momentum 0, lr 0.025", "AdamW, wd 0.5, lr 0.1", "SGD, lr 9"]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_pictures(descents, suffix, tmp_path):
    file = picture_file(str(tmp_path / "new" / f"paths.{suffix.upper()}"), "quadratic")
    assert file.suffix == f".{suffix}"
    write_picture(descents, file)
    assert file.stat().st_size > 10_000


@pytest.mark.slow
def test_an_animation(descents, tmp_path):
    from PIL import Image

    file = picture_file(str(tmp_path / "paths.gif"), "quadratic")
    write_picture(descents, file)
    with Image.open(file) as image:
        assert 2 < image.n_frames <= 30 + 1 <= FRAMES + 1  # equal frames at the end are merged


def test_files(tmp_path, monkeypatch):
    assert picture_file(None, "quadratic:condition=9").name == "quadratic.png"
    with pytest.raises(ConfigError, match=r"Did you mean 'png'\?"):
        picture_file("x.pngg", "beale")
    (tmp_path / "x.png").mkdir()
    with pytest.raises(ConfigError, match="is a folder"):
        picture_file(str(tmp_path / "x.png"), "beale")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match="an mp4 needs the program ffmpeg"):
        picture_file("x.mp4", "beale")


def test_a_file_that_cannot_be_written(descents, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="Cannot write"):
        write_picture(descents, tmp_path / "file" / "x.png")
