"""Images of the user in folders of classes."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import adamcmp
from adamcmp.cli import main
from adamcmp.components.datasets import imagefolder
from adamcmp.config import build_component
from adamcmp.errors import DataError
from tests.support.datasets import load

FOLDER = {"name": "imagefolder", "path": "images", "size": 4}


def save(folder, count, color=None, size=(4, 4), suffix="png"):
    """Save images of one color, by default of the color (10·number, 0, 200)."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("RGB", size, color or (10 * number, 0, 200)).save(f"{folder}/{number}.{suffix}")


def test_classes_and_channels():
    save("images/cat", 20)
    save("images/dog", 20)
    data = load(**FOLDER, standardize=False)
    assert data.shape.inputs == (3, 4, 4) and data.shape.outputs == 2
    assert (len(data.train), len(data.val), len(data.test)) == (29, 3, 8)
    x = np.concatenate([data.train.x, data.val.x, data.test.x])
    red = (x[:, 0] * 255).round().astype(int)
    assert (red == red[:, :1, :1]).all() and set(red[:, 0, 0]) == set(range(0, 200, 10))
    assert not x[:, 1].any() and x[:, 2].tolist() == pytest.approx(np.full((40, 4, 4), 200 / 255))


def test_the_test_set_has_a_folder():
    for part, count in (("train", 10), ("test", 3)):
        for name in ("cat", "dog"):
            save(f"images/{part}/{name}", count)
    data = load(**FOLDER)
    assert (len(data.train) + len(data.val), len(data.test)) == (20, 6)
    assert np.bincount(data.test.y).tolist() == [3, 3]


def test_images_are_scaled_and_cropped_at_the_center():
    """The left half of a wide image is black, its center white: the crop is white."""
    pixels = np.zeros((8, 24, 3), np.uint8)
    pixels[:, 6:18] = 255
    for name in ("a", "b"):
        save(f"images/{name}", 8)
        Image.fromarray(pixels).save(f"images/{name}/wide.png")
    data = load(**FOLDER, standardize=False)
    x = np.concatenate([data.train.x, data.val.x, data.test.x])
    assert ((x == 1).all(axis=(1, 2, 3))).sum() == 2


def test_identity_is_the_content():
    save("images/a", 3)
    save("images/b", 3)
    first = build_component("dataset", FOLDER).identity()
    shutil.move("images", "moved")
    moved = {**FOLDER, "path": "moved"}
    assert build_component("dataset", moved).identity() == first
    os.utime("moved/a/0.png")
    assert build_component("dataset", moved).identity() == first
    save("moved/a", 1, color=(1, 2, 3))
    assert build_component("dataset", moved).identity() != first


def test_scaled_images_are_cached(monkeypatch):
    save("images/a", 10)
    save("images/b", 10)
    dataset = build_component("dataset", FOLDER)
    data = dataset.load()
    assert "the images take 0 MB of memory" in dataset.examine(data)[0]
    monkeypatch.setattr(Image, "open", lambda path: 1 / 0)
    np.testing.assert_array_equal(dataset.load().train.x, data.train.x)


def test_too_many_images_for_the_memory(monkeypatch):
    save("images/a", 2)
    save("images/b", 2)
    monkeypatch.setattr(imagefolder, "available_memory", lambda: 1000)
    with pytest.raises(DataError, match=r"4 images of 3×4×4 need .* Use a smaller dataset.size"):
        adamcmp.run(["dataset=imagefolder", "dataset.path=images", "dataset.size=4", "steps=1"])


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ([], "images: there is no such folder"),
        (["images"], "has no folders of classes with images"),
        (["images/a"], "all training examples are of one class"),
        (["images/train/a", "images/train/b", "images/val/a"], "has a folder 'val' beside train"),
        (
            ["images/train/a", "images/train/b", "images/test/c"],
            "no training example is of class 'c'",
        ),
    ],
)
def test_invalid_folders(folders, message):
    for folder in folders:
        save(folder, 4)
    with pytest.raises(DataError, match=message):
        load(**FOLDER)


def test_damaged_images_are_named():
    save("images/a", 4)
    save("images/b", 4)
    Path("images/b/2.png").write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"images/b/2.png is not an image"):
        load(**FOLDER)


@pytest.mark.parametrize(("flags", "hidden"), [((), False), (("--quiet",), True)])
def test_quiet_hides_the_bar(flags, hidden, monkeypatch, capsys):
    bars = {}

    def bar(items, text, disable, **options):
        bars[text.partition(",")[0]] = disable
        return items

    monkeypatch.setattr("tqdm.tqdm", bar)
    monkeypatch.setattr(imagefolder, "cached_arrays", lambda name, make: make())
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    count = 20 + len(flags)  # equal images would not be read again in this process
    for name in ("a", "b"):
        save(f"images/{name}", count)
    overrides = ["dataset=imagefolder", "dataset.path=images", "dataset.size=4", "batch_size=8"]
    assert main(["run", "--dry-run", *flags, *overrides]) == 0
    assert bars == {"reading images": hidden}
