"""Compiled steps: stored in the cache, loaded from it, and compiled again when damaged."""

import pytest
import torch

from adamcmp.training.engines import compiled
from adamcmp.training.engines.code_cache import CodeFormat
from adamcmp.training.engines.torch_internals import load_artifact, write_artifact
from tests.conftest import needs_compiler


class ArtifactOnCPU(CodeFormat):
    """The format of a GPU, for the processor."""

    device, suffix = "cpu", ".artifact"

    def __init__(self):
        self.written = 0

    def write(self, graph, file):
        self.written += 1
        write_artifact(graph, file)

    def load(self, file):
        return load_artifact(file)


@pytest.mark.slow
@needs_compiler
@pytest.mark.skipif(
    tuple(map(int, torch.__version__.split(".")[:2])) < (2, 10), reason="torch saves no artifacts"
)
def test_an_artifact_serves_all_widths_and_changes_its_arguments(monkeypatch, tmp_path):
    monkeypatch.setattr(compiled, "cache_folder", lambda: tmp_path)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))

    def step(state, x):
        state.add_(x)
        return (state.sum(1),)

    arguments, code_format = [torch.zeros(2, 3), torch.ones(2, 3)], ArtifactOnCPU()
    for _ in range(2):  # compiled, then loaded
        run = compiled.compiled(step, arguments, [{0: "M"}, {0: "M"}], "test", code_format)
        for lanes in (1, 5, 64):
            state = torch.ones(lanes, 3)
            (shown,) = run([state, torch.full((lanes, 3), 2.0)])
            assert shown.tolist() == [9.0] * lanes and torch.equal(
                state, torch.full((lanes, 3), 3.0)
            )
        assert len([*tmp_path.glob("compiled/*.artifact")]) == code_format.written == 1
