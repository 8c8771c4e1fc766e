"""The identity of a study's numerics."""

from adamcmp.config import ENGINE_REVISIONS, Numerics


def test_the_revision_of_the_engine_is_part_of_the_identity(monkeypatch):
    compiled, eager = Numerics(engine="compiled"), Numerics(engine="eager")
    before = compiled.identity(), eager.identity()
    monkeypatch.setitem(ENGINE_REVISIONS, "compiled", 3)
    assert (compiled.engine_revision, Numerics().engine_revision) == (3, 0)
    assert compiled.identity() == before[0] | {"engine_revision": 3}
    assert eager.identity() == before[1]
