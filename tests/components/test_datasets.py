"""Datasets: shapes, splits, noise; files of the user; torchvision's readers on small files."""

import functools
import gzip
import hashlib
import http.server
import pickle
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from adamcmp.config import build_component
from adamcmp.errors import AdamcmpError, ConfigError, DataError
from adamcmp.platform.torchvision_import import torchvision


def load(**values):
    return build_component("dataset", values).load()


class TestReal:
    def test_mnist1d(self):
        data = load(name="mnist1d")
        assert (len(data.train), len(data.val), len(data.test)) == (3600, 400, 1000)
        assert data.shape.inputs == (40,) and data.shape.outputs == 10
        x = np.concatenate([data.train.x, data.val.x, data.test.x])
        assert abs(x.mean()) < 1e-9 and abs(x.std() - 1) < 1e-9
        assert (
            np.bincount(np.concatenate([data.train.y, data.val.y, data.test.y])).tolist()
            == [500] * 10
        )

    def test_mnist1d_is_the_published_file(self):
        """Numbers read off the authors' mnist1d_data.pkl."""
        train, test = build_component("dataset", {"name": "mnist1d"}).read()
        first = [-0.3320056673693902, -0.4719103656557236, -0.778697076293495, -1.0097408265367047]
        assert train.x[0, :4].tolist() == pytest.approx(first, abs=1e-15)
        last = [0.6598756470890784, 0.8777343497528006, 1.193151836835276]
        assert test.x[-1, -3:].tolist() == pytest.approx(last, abs=1e-15)
        assert train.y[:12].tolist() == [2, 6, 4, 5, 6, 6, 6, 0, 3, 1, 6, 9]
        assert abs(train.x).sum() == pytest.approx(118338.29510719894, rel=1e-12)

    def test_mnist1d_leaves_the_global_generators_alone(self):
        np.random.seed(5)  # noqa: NPY002
        expected = np.random.RandomState(5).rand()
        load(name="mnist1d")
        assert np.random.rand() == expected  # noqa: NPY002

    def test_mnist1d_shuffled_permutes_positions(self):
        plain, shuffled = load(name="mnist1d"), load(name="mnist1d", shuffled=True)
        assert not np.array_equal(plain.test.x, shuffled.test.x)
        np.testing.assert_allclose(np.sort(plain.test.x), np.sort(shuffled.test.x), atol=1e-9)

    def test_digits(self):
        data = load(name="digits")
        assert sum(map(len, (data.train, data.val, data.test))) == 1797
        assert data.shape.inputs == (1, 8, 8) and data.train.x.dtype == np.float32
        assert abs(data.train.x.mean()) < 1e-4 and abs(data.train.x.std() - 1) < 1e-4
        # The corner of a digit is black: crops pad with its value after standardization.
        assert data.padding_value.tolist() == pytest.approx([data.train.x.min()], rel=1e-5)

    def test_mnist5k(self):
        data = load(name="mnist5k")
        assert (len(data.train), len(data.val), len(data.test)) == (3600, 400, 1000)
        assert data.shape.inputs == (1, 28, 28)
        # The file is sorted by label: every split must see all ten digits.
        assert all(len(np.unique(s.y)) == 10 for s in (data.train, data.val, data.test))


class TestSplits:
    def test_disjoint_and_whole(self):
        data = load(name="teacher", train_examples=500, test_examples=50, validation=0.25)
        assert (len(data.train), len(data.val)) == (375, 125)
        rows = {row.tobytes() for split in (data.train, data.val, data.test) for row in split.x}
        assert len(rows) == 550

    def test_seeded(self):
        one, same, other = (load(name="digits", split_seed=s) for s in (1, 1, 2))
        assert np.array_equal(one.val.x, same.val.x)
        assert not np.array_equal(one.val.y, other.val.y)
        assert np.array_equal(one.test.y, other.test.y)  # what is reported on stays the same

    def test_subset_and_no_validation(self):
        data = load(name="mnist1d", subset=100, validation=0.0)
        assert (len(data.train), len(data.val), len(data.test)) == (100, 0, 1000)

    @pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
    def test_label_noise_replaces_just_that_share(self, share):
        clean, noisy = load(name="mnist1d"), load(name="mnist1d", label_noise=share)
        assert (clean.train.y != noisy.train.y).mean() == pytest.approx(share)
        assert np.array_equal(clean.val.y, noisy.val.y) and np.array_equal(
            clean.test.y, noisy.test.y
        )
        assert set(np.unique(noisy.train.y)) <= set(range(10))

    def test_target_noise_for_regression(self):
        regression = {"name": "teacher", "task": "regression", "train_examples": 20_000}
        clean, noisy = load(**regression), load(**regression, label_noise=0.5)
        ratio = (noisy.train.y - clean.train.y).std() / clean.train.y.std()
        assert ratio == pytest.approx(0.5, rel=0.02)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"subset": 9999}, "mnist1d has 4000 training examples"),
            ({"validation": 0.9, "subset": 1}, "leaves 1 for validation and 0 for training"),
            ({"label_noise": 1.5}, "at most 1"),
        ],
    )
    def test_bad(self, values, message):
        with pytest.raises(ConfigError, match=message):
            load(name="mnist1d", **values)


class TestTeacher:
    def test_noise_sets_the_difficulty(self):
        """Without noise the teacher's labels can be learned, with large noise they are random."""

        def best_linear(noise):
            data = load(name="teacher", outputs=2, noise=noise, train_examples=4000)
            x, y = data.train.x, 2.0 * data.train.y - 1
            w = np.linalg.lstsq(x, y, rcond=None)[0]
            return ((data.test.x @ w > 0) == data.test.y).mean()

        assert best_linear(0.0) > 0.75 > 0.6 > best_linear(20.0) > 0.4

    def test_regression_has_unit_scale(self):
        data = load(name="teacher", task="regression", outputs=3, noise=0.0)
        assert data.shape.outputs == 3 and 0.9 < data.test.y.std() < 1.1


CSV = {"name": "csv", "path": "data.csv", "target": "y"}


class TestCSV:
    def write(self, text, encoding="utf-8"):
        Path("data.csv").write_text(text, encoding=encoding)

    def test_numbers_and_text_labels(self):
        rows = "\n".join(f"{i},{i * i},{'even' if i % 2 == 0 else 'odd'}" for i in range(40))
        self.write("a,b,y\n" + rows)
        data = load(**CSV)
        assert (len(data.train), len(data.val), len(data.test)) == (29, 3, 8)
        assert data.shape.inputs == (2,) and data.shape.outputs == 2
        assert abs(data.train.x.mean(0)).max() < 1e-9

    def test_byte_order_mark_and_delimiter(self):
        self.write("y;a\n" + "\n".join(f"{i % 2};{i}" for i in range(10)), "utf-8-sig")
        assert load(**CSV, delimiter=";").shape.inputs == (1,)

    def test_regression(self):
        self.write("a,y\n" + "\n".join(f"{i},{i / 3}" for i in range(10)))
        data = load(**CSV, task="regression")
        assert data.train.y.shape == (7, 1) and data.shape.problem_type == "regression"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is not a table"),
            ("a,b,y\n", "has a header but no rows"),
            ("a,y\n1,0\n2,1\n,0\n4,1\n", "column 'a' has no value in row 3"),
            ("a,y\n1,0\n2,1\ninf,0\n4,1\n5,0\n", "NaN or infinite"),
            ("a,y\n1,0\nred,1\n3,0\n", "column 'a' should hold numbers, but row 2 holds 'red'"),
            ("a,y\n1,7\n2,7\n3,7\n4,7\n", "all training examples are of one class"),
            ("a,y\n1,0.5\n2,1.5\n3,0\n", "For real targets use dataset.task=regression"),
            ("a,yy\n1,0\n2,1\n", "has no such column. Did you mean 'yy'"),
            ("y\n1\n0\n", "no column besides the target"),
            ("a,a,y\n1,2,0\n3,4,1\n", "column 'a' appears twice"),
            ("a,y\n1,0,9\n3,1,9\n", "more values than the header"),
            ("a,y\n1,0\n3,1,9\n", "is not a table"),
            ("a,y\n1,0\n", "holds 1 examples"),
        ],
    )  # fmt: skip
    def test_bad(self, text, message):
        self.write(text)
        with pytest.raises(AdamcmpError, match=message):
            load(**CSV)

    def test_not_utf8(self):
        self.write("a,y\n1,é\n2,ö\n", "latin-1")
        with pytest.raises(DataError, match="not UTF-8"):
            load(**CSV)

    def test_missing(self):
        with pytest.raises(DataError, match="there is no such file"):
            load(**CSV)

    def test_identity_is_the_content(self):
        self.write("a,y\n1,0\n")
        first = build_component("dataset", CSV).identity()
        Path("data.csv").rename("moved.csv")
        assert build_component("dataset", {**CSV, "path": "moved.csv"}).identity() == first
        self.write("a,y\n2,0\n")
        assert build_component("dataset", CSV).identity() != first


class TestNPZ:
    def load(self, arrays, **values):
        np.savez("data.npz", **arrays)
        return load(name="npz", path="data.npz", **values)

    def test_images_and_own_test_set(self):
        rng = np.random.default_rng(0)
        arrays = {
            "x_train": rng.integers(0, 256, (20, 1, 4, 4), np.uint8), "y_train": np.arange(20) % 3,
            "x_test": rng.integers(0, 256, (5, 1, 4, 4), np.uint8), "y_test": np.arange(5) % 3,
        }  # fmt: skip
        data = self.load(arrays, standardize=False)
        assert data.shape.inputs == (1, 4, 4) and len(data.test) == 5 and data.train.x.max() <= 1

    @pytest.mark.parametrize(
        ("arrays", "message"),
        [
            ({"x": np.zeros((4, 2))}, "has no array 'y'"),
            ({"X": np.zeros((4, 2)), "y": np.arange(4)}, "has no array 'x'"),
            ({"x": np.zeros(4), "y": np.arange(4)}, r"has shape \(4,\)"),
            ({"x": np.zeros((4, 2)), "y": np.arange(3)}, r"it should be \(4,\)"),
            ({"x": np.array([["a"], ["b"]]), "y": np.arange(2)}, "should hold numbers"),
            ({"x": np.full((9, 2), np.nan), "y": np.arange(9) % 2}, "NaN or infinite"),
            ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "holds 0 examples"),
            ({"x": np.zeros((9, 0)), "y": np.arange(9)}, r"has shape \(9, 0\)"),
            ({"x": np.zeros((9, 2)), "y": np.zeros(9)}, "of one class"),
        ],
    )
    def test_bad(self, arrays, message):
        with pytest.raises(DataError, match=message):
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


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def idx(array):
    """The IDX format of MNIST's files."""
    kind = struct.pack(">HBB", 0, 8, array.ndim)
    return kind + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()


MNIST_FILES = {
    "train-images-idx3-ubyte": idx(np.arange(30 * 784).reshape(30, 28, 28) % 256),
    "train-labels-idx1-ubyte": idx(np.arange(30) % 10),
    "t10k-images-idx3-ubyte": idx(np.arange(10 * 784).reshape(10, 28, 28) % 255),
    "t10k-labels-idx1-ubyte": idx(np.arange(10) % 10),
}


class TestMNISTFormat:
    def write(self, folder="MNIST"):
        raw = Path("data") / folder / "raw"
        raw.mkdir(parents=True)
        for name, content in MNIST_FILES.items():
            (raw / name).write_bytes(content)
        return raw

    @pytest.mark.parametrize(
        ("name", "folder"),
        [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST"), ("kmnist", "KMNIST")],
    )
    def test_reads(self, name, folder):
        self.write(folder)
        data = load(name=name, standardize=False)
        assert (len(data.train), len(data.val), len(data.test)) == (27, 3, 10)
        assert data.shape.inputs == (1, 28, 28)
        assert data.test.x.flatten()[:3].tolist() == pytest.approx([0, 1 / 255, 2 / 255])

    def test_fewer_labels_than_images(self):
        raw = self.write()
        (raw / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(20) % 10))
        with pytest.raises(DataError, match=r"30 training inputs .* have 20 targets"):
            load(name="mnist")

    def test_missing(self):
        with pytest.raises(
            DataError, match=r"train-images-idx3-ubyte is missing\. Add download=true"
        ):
            load(name="mnist")

    @pytest.mark.parametrize("content", [b"", b"abc", MNIST_FILES["t10k-images-idx3-ubyte"][:-5]])
    def test_corrupt_is_named(self, content):
        raw = self.write()
        (raw / "t10k-images-idx3-ubyte").write_bytes(content)
        with pytest.raises(DataError, match="t10k-images-idx3-ubyte is corrupt"):
            load(name="mnist")

    def test_download_through_torchvision(self, monkeypatch):
        """torchvision's download code, from a local server."""
        mirror = Path("mirror")
        mirror.mkdir()
        resources = []
        for name, content in MNIST_FILES.items():
            packed = gzip.compress(content)
            (mirror / f"{name}.gz").write_bytes(packed)
            resources.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
        reader = torchvision("datasets").MNIST
        monkeypatch.setattr(reader, "resources", resources)
        handler = functools.partial(QuietHandler, directory=str(mirror))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            monkeypatch.setattr(reader, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
            assert len(load(name="mnist", download=True).test) == 10
            server.shutdown()
        assert len(load(name="mnist").test) == 10

    def test_failed_download(self, monkeypatch):
        reader = torchvision("datasets").MNIST
        monkeypatch.setattr(reader, "mirrors", [Path("nowhere").resolve().as_uri() + "/"])
        with pytest.raises(DataError, match="the download failed"):
            load(name="mnist", download=True)


class TestCIFARFormat:
    def write(self, hundred=False):
        folder = Path("data") / ("cifar-100-python" if hundred else "cifar-10-batches-py")
        folder.mkdir(parents=True)
        key, names = ("fine_labels", "fine_label_names") if hundred else ("labels", "label_names")
        batches = (
            ["train", "test"]
            if hundred
            else [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
        )
        for number, name in enumerate(batches):
            pixels = np.full((4, 3072), number, np.uint8)
            (folder / name).write_bytes(pickle.dumps({"data": pixels, key: [0, 1, 2, 1]}))
        (folder / ("meta" if hundred else "batches.meta")).write_bytes(
            pickle.dumps({names: ["a", "b", "c"]})
        )
        return folder

    def unguarded(self, monkeypatch, name):
        """A subclass without md5 sums, for small files."""
        reader = getattr(torchvision("datasets"), name)

        class Small(reader):
            train_list = [[file, None] for file, _ in reader.train_list]
            test_list = [[file, None] for file, _ in reader.test_list]
            meta = {**reader.meta, "md5": None}

        monkeypatch.setattr(torchvision("datasets"), name, Small)

    @pytest.mark.parametrize(("name", "reader"), [("cifar10", "CIFAR10"), ("cifar100", "CIFAR100")])
    def test_reads(self, monkeypatch, name, reader):
        self.write(hundred=name == "cifar100")
        self.unguarded(monkeypatch, reader)
        data = load(name=name, validation=0.25)
        assert data.shape.inputs == (3, 32, 32) and len(data.test) == 4
        assert len(data.train) + len(data.val) == (4 if name == "cifar100" else 20)

    def test_foreign_pickles_are_not_opened(self):
        folder = self.write()

        class Evil:
            def __reduce__(self):
                return (Path.touch, (Path("pwned"),))

        (folder / "data_batch_1").write_bytes(pickle.dumps(Evil()))
        with pytest.raises(DataError, match=r"data_batch_1 is corrupt \(its md5 sum"):
            load(name="cifar10")
        assert not Path("pwned").exists()

    def test_missing(self):
        with pytest.raises(DataError, match="data_batch_1 is missing"):
            load(name="cifar10")


class TestSVHNFormat:
    def test_reads_and_guards(self, monkeypatch):
        from scipy.io import savemat

        Path("data").mkdir()
        for part in ("train", "test"):
            x = np.zeros((32, 32, 3, 12), np.uint8)
            savemat(f"data/{part}_32x32.mat", {"X": x, "y": np.arange(1, 13)[:, None] % 10 + 1})
        with pytest.raises(DataError, match=r"train_32x32.mat is corrupt"):
            load(name="svhn")
        reader = torchvision("datasets").SVHN

        class Small(reader):
            split_list = {k: [url, file, None] for k, (url, file, _) in reader.split_list.items()}

        monkeypatch.setattr(torchvision("datasets"), "SVHN", Small)
        data = load(name="svhn")
        assert data.shape.inputs == (3, 32, 32) and data.shape.outputs == 10
