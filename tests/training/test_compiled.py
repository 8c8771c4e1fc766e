"""Compiled steps: kept in the cache, read again, compiled anew where damaged."""

import pytest
import torch

from adamcmp.training.engines import compiled
from tests.conftest import needs_compiler


@needs_compiler
@pytest.mark.skipif(
    tuple(map(int, torch.__version__.split(".")[:2])) < (2, 10), reason="torch keeps no artifacts"
)
def test_an_artifact_serves_all_widths_and_changes_what_it_is_given(monkeypatch, tmp_path):
    """What is kept for a GPU, made for the processor instead."""

    class Artifact(compiled._Artifact):
        device = "cpu"

    monkeypatch.setattr(compiled, "_Library", Artifact)
    monkeypatch.setattr(compiled, "cache_folder", lambda: tmp_path)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))

    def step(state, x):
        state.add_(x)
        return (state.sum(1),)

    arguments = [torch.zeros(2, 3), torch.ones(2, 3)]
    for _ in range(2):  # compiled, then read
        run = compiled.compiled(step, arguments, [{0: "M"}, {0: "M"}], "test")
        for lanes in (1, 5, 64):
            state = torch.ones(lanes, 3)
            (shown,) = run([state, torch.full((lanes, 3), 2.0)])
            assert shown.tolist() == [9.0] * lanes and torch.equal(
                state, torch.full((lanes, 3), 3.0)
            )
        assert len([*tmp_path.glob("compiled/*.artifact")]) == 1
        monkeypatch.setattr(compiled, "_compile", None)


def test_a_damaged_library_is_compiled_anew(monkeypatch, tmp_path):
    class Written:
        """Compiled code of a kind that is quick to make."""

        device, suffix = "cpu", ".text"

        def load(self, file):
            return file.read_text

    made = []

    def compile_(graph, form, file):
        made.append(file)
        file.write_text("the code")

    monkeypatch.setattr(compiled, "_Library", Written)
    monkeypatch.setattr(compiled, "_compile", compile_)
    monkeypatch.setattr(compiled, "trace", lambda *arguments: None)
    monkeypatch.setattr(compiled, "cache_folder", lambda: tmp_path)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))

    def run():
        return compiled.compiled(lambda x: (x,), [torch.zeros(2)], [{0: "M"}], "test")()

    assert run() == run() == "the code" and len(made) == 1
    (kept,) = tmp_path.glob("compiled/*.text")
    kept.write_text("the co")
    assert run() == "the code" and len(made) == 2
    assert [path.name for path in tmp_path.glob("compiled/*.text")] == [kept.name]
