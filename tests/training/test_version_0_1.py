"""Checkpoints of version 0.1 are resumed with the state that they hold."""

import hashlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from adamcmp.errors import StoreError
from adamcmp.planning.grouping import LaneGroup
from adamcmp.storage import archive
from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.training import checkpoint, resume
from adamcmp.training.outcome import Stopped
from adamcmp.training.train import train_group
from adamcmp.training.version_0_1 import converted_state

RESULTS = Path(__file__).parents[1] / "version_0_1" / "results"
OVERRIDES = [
    *("dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=100"),
    *("model.width=16", "optimizer=adamw,sgd"),
]
EAGER = [*OVERRIDES, "seeds=2", "steps=3000", "eval.every_steps=1000"]


@pytest.fixture(
    params=sorted((RESULTS / "interrupted" / "checkpoints").iterdir()), ids=lambda p: p.stem
)
def interrupted(request, specs, tmp_path, monkeypatch):
    """A group and its checkpoint, as if it had been written on this machine."""
    path = tmp_path / "checkpoint.npz"
    shutil.copy(request.param, path)
    try:
        metadata, _ = archive.read(path)
    except StoreError:
        pytest.skip("written with another version of torch")
    name, _, features = metadata["hardware"].partition(": ")
    monkeypatch.setattr(resume, "hardware", lambda device: name)
    monkeypatch.setattr(resume, "cpu_features", lambda: features)
    group = LaneGroup(tuple(s for s in specs(EAGER) if s.run_id in metadata["runs"]))
    return group, Checkpointing(path, 1e9)


def tensors(tree):
    """Return the tensors of a tree in order."""
    if isinstance(tree, torch.Tensor):
        return [tree]
    branches = tree.values() if isinstance(tree, dict) else tree
    return [tensor for branch in branches for tensor in tensors(branch)]


def test_training_begins_with_the_checkpoint(interrupted):
    group, checkpointing = interrupted
    old = checkpoint.read(checkpointing.path)
    progress = []
    assert train_group(group, progress.append, checkpointing, lambda: True) == Stopped()
    new = checkpoint.read(checkpointing.path)
    steps = new.metadata["steps_taken"] - old.metadata["steps_taken"]
    # It stopped after the first call, so it did not repeat the steps before the checkpoint.
    assert old.metadata["steps_taken"] > 1000 and 0 < steps < 100
    assert progress[0].step == new.metadata["steps_taken"]
    assert new.metadata[archive.FORMAT] == archive.FORMAT_VERSION
    assert new.metadata["metrics"] == old.metadata["metrics"]
    changes = [
        (after - before).abs().max() / before.abs().max()
        for before, after in zip(tensors(old.state), tensors(new.state), strict=True)
        if before.is_floating_point() and before.isfinite().all()
    ]
    assert max(changes) < 0.9  # a few steps change moments and weights little
    # The checkpoint in the new format is resumed, too.
    assert train_group(group, progress.append, checkpointing, lambda: True) == Stopped()


def with_versions(source, target, versions):
    """Copy a checkpoint with other versions; the layout is a digest of 16 bytes, then an npz."""
    arrays = dict(np.load(io.BytesIO(source.read_bytes()[16:])))
    arrays["about"] = np.array(
        json.dumps({**json.loads(str(arrays["about"])), "made_by": versions})
    )
    content = io.BytesIO()
    np.savez(content, **arrays)
    npz = content.getvalue()
    target.write_bytes(hashlib.blake2b(npz, digest_size=16).digest() + npz)


def test_only_version_0_1_with_this_torch_is_read(tmp_path):
    source = next((RESULTS / "interrupted" / "checkpoints").iterdir())
    path = tmp_path / "c.npz"
    with_versions(source, path, [torch.__version__, "adddfda63c101478"])
    assert archive.read(path)[0]["steps_taken"] > 1000
    for versions in (["2.0.0", "adddfda63c101478"], [torch.__version__, "0000000000000000"]):
        with_versions(source, path, versions)
        with pytest.raises(StoreError, match="another version of adamcmp or torch"):
            archive.read(path)


def test_states_of_clipping_and_of_a_torch_class():
    common = {"params": {"w": 1}, "bound": 2}
    chain = {"lanes": {**common, "optimizer": ({}, {"m": {"w": 3}}, {})}}
    assert converted_state(chain, clips=True) == {
        "lanes": {**common, "optimizer": (({"m": {"w": 3}}, {}),)},
        "driver": {},
    }
    assert converted_state({"lanes": common, "torch": {"state": {}}}, clips=True) == {
        "lanes": {**common, "optimizer": {}},
        "driver": {"state": {}},
    }
