"""NumPy archives of the user."""

from pathlib import Path

import numpy as np
import pytest

from adamcmp.errors import DataError
from tests.support.datasets import load


class TestNPZ:
    def load(self, arrays, **values):
        np.savez("data.npz", **arrays)
        return load(name="npz", path="data.npz", **values)

    def test_images_with_a_test_set(self):
        rng = np.random.default_rng(0)
        arrays = {
            "x_train": rng.integers(0, 256, (20, 1, 4, 4), np.uint8), "y_train": np.arange(20) % 3,
            "x_test": rng.integers(0, 256, (5, 1, 4, 4), np.uint8), "y_test": np.arange(5) % 3,
        }  # fmt: skip
        data = self.load(arrays, standardize=False)
        assert data.shape.inputs == (1, 4, 4) and len(data.test) == 5 and data.train.x.max() <= 1

    @pytest.mark.parametrize(
        "names",
        [
            ("x", "y", "x_test", "y_test"),
            ("x_train", "y_train", "x_test", "y_test"),
            ("X_train", "y_train", "X_test", "y_test"),
            ("train_images", "train_labels", "test_images", "test_labels"),
            ("data", "target", "data_test", "target_test"),
        ],
    )
    def test_usual_names_of_a_test_set(self, names):
        rng = np.random.default_rng(0)
        x, x_test = rng.standard_normal((40, 3)), rng.standard_normal((10, 3))
        arrays = (x, np.arange(40) % 2, x_test, np.arange(10) % 2)
        data = self.load(dict(zip(names, arrays, strict=True)), standardize=False)
        assert len(data.train) + len(data.val) == 40
        np.testing.assert_array_equal(data.test.x, x_test)

    @pytest.mark.parametrize(
        ("arrays", "message"),
        [
            (
                {"x": np.zeros((4, 2)), "y": np.arange(4), "x_val": 0, "y_val": 0},
                "x_val, y_val: not",
            ),
            (
                {"x": np.zeros((4, 2)), "y": np.arange(4), "x_test": np.zeros((4, 2))},
                "no array 'y_test'",
            ),
            ({"x": np.zeros((4, 2))}, "has no array 'y'"),
            ({"X2": np.zeros((4, 2)), "y": np.arange(4)}, "has no array 'x'"),
            ({"x": np.zeros(4), "y": np.arange(4)}, r"has shape \(4,\)"),
            ({"x": np.zeros((4, 2)), "y": np.arange(3)}, r"it should be \(4,\)"),
            ({"x": np.array([["a"], ["b"]]), "y": np.arange(2)}, "should hold numbers"),
            ({"x": np.full((9, 2), np.nan), "y": np.arange(9) % 2}, "NaN or infinite"),
            ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "holds 0 examples"),
            ({"x": np.zeros((9, 0)), "y": np.arange(9)}, r"has shape \(9, 0\)"),
            ({"x": np.zeros((9, 2)), "y": np.zeros(9)}, "of one class"),
        ],
    )
    def test_invalid_files(self, arrays, message):
        with pytest.raises(DataError, match=message):
            self.load(arrays)

    def test_a_single_array_is_refused(self):
        np.save("x.npy", np.zeros((4, 2)))
        with pytest.raises(DataError, match=r"x.npy: is a single array of shape \(4, 2\)"):
            load(name="npz", path="x.npy")

    @pytest.mark.parametrize("test_class", [1, 3])
    def test_a_class_of_the_test_set_only_is_refused_wherever_it_sorts(self, test_class):
        x, y = np.zeros((20, 2)), np.arange(20) % 2 * 2
        arrays = {"x": x, "y": y, "x_test": x[:3], "y_test": np.array([0, 2, test_class])}
        with pytest.raises(DataError, match=f"no training example is of class '{test_class}'"):
            self.load(arrays)

    def test_pickles_are_refused(self):
        class Evil:
            def __reduce__(self):
                return (Path.touch, (Path("pwned"),))

        np.savez("data.npz", x=np.array([Evil()], dtype=object), y=np.zeros(1))
        with pytest.raises(DataError, match="not an npz archive of plain arrays"):
            load(name="npz", path="data.npz")
        Path("data.npz").write_bytes(b"not a zip")
        with pytest.raises(DataError, match="not an npz archive of plain arrays"):
            load(name="npz", path="data.npz")
        assert not Path("pwned").exists()
