"""Datasets in the user's code."""

import sys
from pathlib import Path

import numpy as np
import pytest

from adamcmp.config import build_component
from adamcmp.errors import AdamcmpError
from tests.support.datasets import load

CODE = """
import random, numpy as np, torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset

x, y = np.arange(80.0).reshape(40, 2) % 9, np.arange(40) % 2
def pair(): return x, y
def tensors(): return torch.tensor(x), torch.tensor(y)
def named(): return {"x": x, "y": y}
def dataset(): return TensorDataset(torch.tensor(x), torch.tensor(y))
def four(): return x[:30], y[:30], x[30:], y[30:]
def keras(): return (x[:30], y[:30]), (x[30:], y[30:])
def two(): return TensorDataset(*tensors()), TensorDataset(*tensors())
def seeded(): return np.random.rand(40, 2) + torch.rand(40, 2).numpy() + random.random(), y
def unseeded(): return np.random.default_rng().random((40, 2)), y
def three(): return x, y, x
def raises(): raise RuntimeError("no disk")
def sample(data_seed=0): return np.random.RandomState(data_seed).rand(30, 2), y[:30], x[30:], y[30:]
def leaking(data_seed=0): return sample(data_seed)[:2]
def varied(data_seed=0): return (*pair(), x + data_seed, y)
def ragged(): return Ragged()

class Items(Dataset):
    def __init__(self, rows=40): self.rows = rows
    def __len__(self): return self.rows
    def __getitem__(self, i): return torch.tensor(x[i]), int(y[i])

class Splits(Items):
    def __init__(self, train): super().__init__(30 if train else 10)

class Sample(Splits):
    def __init__(self, train, data_seed=0): super().__init__(train); self.data_seed = data_seed
    def __getitem__(self, i): return torch.tensor(x[i] + self.data_seed), int(y[i])

class Ragged(Items):
    def __getitem__(self, i): return torch.zeros(1 + i % 2), 0

class Pictures(Items):
    def __getitem__(self, i):
        from PIL import Image
        return Image.new("RGB", (4, 4)), 0

class Endless(IterableDataset):
    def __iter__(self): return iter([])

class Net(torch.nn.Module): pass
"""

pytestmark = pytest.mark.usefixtures("any_code")


@pytest.fixture(autouse=True)
def own_data():
    sys.modules.pop("own_data", None)  # of another test
    Path("own_data.py").write_text(CODE)
    yield
    sys.modules.pop("own_data", None)


def custom(name, **values):
    return {"name": "custom", "target": f"own_data.{name}", **values}


@pytest.mark.parametrize("name", ["tensors", "named", "dataset", "Items"])
def test_every_form_gives_the_same_data(name):
    data, expected = load(**custom(name)), load(**custom("pair"))
    np.testing.assert_array_equal(data.train.x, expected.train.x)
    np.testing.assert_array_equal(data.test.y, expected.test.y)


@pytest.mark.parametrize(
    ("name", "test_examples"), [("four", 10), ("keras", 10), ("two", 40), ("Splits", 10)]
)
def test_test_sets(name, test_examples):
    assert len(load(**custom(name)).test) == test_examples


def test_arguments():
    data = load(**custom("Items", rows=20))
    assert len(data.train) + len(data.val) + len(data.test) == 20


def test_global_generators_are_seeded_and_restored():
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.RandomState(5).rand()
    first, second = load(**custom("seeded")), load(**custom("seeded"))
    assert np.random.rand() == expected  # noqa: NPY002
    np.testing.assert_array_equal(first.train.x, second.train.x)


class TestDataSeed:
    @pytest.mark.parametrize("name", ["sample", "Sample"])
    def test_draws_the_training_examples(self, name):
        default, one, other = (load(**custom(name), data_seed=s) for s in (None, 1, 2))
        assert default.set_ids["test"] == one.set_ids["test"] == other.set_ids["test"]
        assert len({data.train.x.sum() for data in (default, one, other)}) == 3

    @pytest.mark.parametrize("name", ["four", "Splits", "pair"])
    def test_without_the_argument_only_the_split_varies(self, name):
        one, other = (
            load(**custom(name), data_seed=s, validation=0.2, standardize=False) for s in (1, 2)
        )
        assert one.set_ids["test"] == other.set_ids["test"]
        assert one.set_ids["val"] != other.set_ids["val"]

    def test_the_test_set_must_not_depend_on_it(self):
        with pytest.raises(AdamcmpError, match="should return a test set that does not"):
            load(**custom("leaking"), data_seed=1)
        dataset = build_component("dataset", custom("varied", data_seed=1))
        with pytest.raises(AdamcmpError, match="other test examples for another data_seed"):
            dataset.examine(dataset.load())


def test_data_that_differs_between_calls_is_refused():
    dataset = build_component("dataset", custom("unseeded"))
    with pytest.raises(AdamcmpError, match="returns different examples when it is called again"):
        dataset.examine(dataset.load())


def test_identity_is_the_source():
    dataset = build_component("dataset", custom("pair"))
    first = dataset.identity()["sha256"]
    Path("own_data.py").write_text(CODE + "\n# a comment\n")
    assert dataset.identity()["sha256"] == first
    Path("own_data.py").write_text(CODE.replace("% 9", "% 8"))
    assert dataset.identity()["sha256"] != first


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tensor", "own_data.tensor: own_data has no 'tensor'. Did you mean 'tensors'?"),
        ("x", "own_data.x: should be a torch.utils.data.Dataset class, or a function"),
        ("Net", "should be a torch.utils.data.Dataset class, or a function"),
        ("three", r"returns \(x, y\), \(x, y, x_test, y_test\), a dict"),
        ("raises", "RuntimeError: no disk"),
        ("ragged", r"items have shapes \(1,\) and \(2,\); resize them"),
        ("Pictures", "holds Image; it should hold arrays or tensors. For images use"),
        ("Endless", "should have a length and items"),
    ],
)
def test_invalid_targets(name, message):
    with pytest.raises(AdamcmpError, match=message):
        load(**custom(name))


def test_unknown_arguments_and_modules():
    with pytest.raises(AdamcmpError, match=r"pair takes no argument 'rows'\. It takes: none\."):
        load(**custom("pair", rows=3))
    with pytest.raises(AdamcmpError, match="cannot import 'no_module'"):
        load(name="custom", target="no_module.make")
