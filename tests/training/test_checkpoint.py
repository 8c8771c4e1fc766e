"""Checkpoint files."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adamcmp.training import checkpoint
from adamcmp.training.checkpoint import Checkpoint

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.builds(
        lambda values, dtype: torch.tensor(values).to(dtype),
        st.lists(st.floats(-1e3, 1e3), max_size=3),
        st.sampled_from([torch.float32, torch.float64, torch.int64, torch.bool]),
    ),
)
KEYS = st.one_of(st.text(max_size=3), st.integers(0, 9))
TREES = st.recursive(
    LEAVES,
    lambda trees: st.one_of(
        st.lists(trees, max_size=3),
        st.lists(trees, max_size=3).map(tuple),
        st.dictionaries(KEYS, trees, max_size=3),
    ),
    max_leaves=12,
)


def assert_same(one, other):
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype and torch.equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        assert_same([*one.values()], [*other.values()])
    elif isinstance(one, list | tuple):
        for value, same in zip(one, other, strict=True):
            assert_same(value, same)
    else:
        assert one == other


@settings(max_examples=20)
@given(TREES)
def test_any_state_is_read_as_it_was_written(tmp_path_factory, state):
    path = tmp_path_factory.mktemp("checkpoint") / "c"
    checkpoint.write(path, Checkpoint({"steps_taken": 3}, state))
    stored = checkpoint.read(path)
    assert stored.metadata["steps_taken"] == 3
    assert_same(stored.state, state)


def test_unreadable_checkpoints(tmp_path):
    path = tmp_path / "c"
    assert checkpoint.read(path) is None
    checkpoint.write(path, Checkpoint({}, {"w": torch.ones(3)}))
    whole = path.read_bytes()
    for content in (whole[:-1], b"", bytes([whole[0] ^ 1]) + whole[1:]):
        path.write_bytes(content)
        assert checkpoint.read(path) is None


def test_an_object_of_another_type_is_not_stored(tmp_path):
    with pytest.raises(TypeError, match=r"^A set cannot be stored in a checkpoint\.$"):
        checkpoint.write(tmp_path / "c", Checkpoint({}, {"a": [{1}]}))
    assert not list(tmp_path.iterdir())
