"""Datasets that torchvision downloads, on small files of the same formats."""

import functools
import gzip
import hashlib
import http.server
import pickle
import re
import struct
import threading
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import adamcmp
from adamcmp.errors import DataError
from adamcmp.platform.torchvision_import import torchvision
from tests.support.datasets import load

#: Versions of torchvision with which the tests of this file have passed, as major.minor. With
#: another one, run them and add it.
VERSIONS_RUN = {"0.28"}

#: Undocumented modules, functions and attributes of torchvision.datasets.
INTERNALS = re.compile(
    r"datasets\.(utils|mnist)\b|reader\.(resources|mirrors|meta|base_folder|(train|test|split)_list)\b"
)


def test_this_version_of_torchvision_was_run():
    installed = ".".join(version("torchvision").split(".")[:2])
    assert installed in VERSIONS_RUN, "run the tests of this file, then add it"


def test_internals_are_used_by_the_adapter_only():
    package = Path(adamcmp.__file__).parent
    files = [file for file in package.rglob("*.py") if INTERNALS.search(file.read_text())]
    assert [file.name for file in files] == ["_torchvision_files.py"]


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
