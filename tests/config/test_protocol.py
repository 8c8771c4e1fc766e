"""What a training protocol contributes to the identity of a run, and what lanes share of it."""

import pytest

from adamcmp.config import Eval, Protocol


def test_a_setting_that_another_one_overrides_has_no_effect_on_the_identity():
    assert Protocol(steps=7, epochs=1).identity() == Protocol(steps=7, epochs=2).identity()
    assert Protocol(epochs=1).identity() != Protocol(epochs=2).identity()
    one, other = (Protocol(eval=Eval(every_steps=3, every=e)).identity() for e in (1.0, 2.0))
    assert one == other


def test_runs_of_the_default_measure_keep_their_ids():
    assert "select" not in Protocol().identity()
    assert Protocol(select="balanced_error").identity()["select"] == "balanced_error"


def test_canonical_values_do_not_depend_on_the_type_of_numbers():
    assert Protocol(grad_clip=1.0).canonical_values == Protocol(grad_clip=1).canonical_values
    assert set(Protocol().canonical_values) == set(Protocol().identity())


@pytest.mark.parametrize(
    ("values", "is_shared"),
    [
        ({"seed": 5}, True),
        ({"divergence": 2.0}, True),
        ({"grad_clip": 3.0}, True),
        ({"grad_clip": None}, False),
        ({"batch_size": 7}, False),
        ({"epochs": 7}, False),
        ({"eval": Eval(every=2.0)}, False),
    ],
)
def test_lanes_may_differ_in_numbers_only(values, is_shared):
    protocol = Protocol(grad_clip=1.0)
    assert (protocol.structure == protocol.model_copy(update=values).structure) == is_shared
