"""Components: identities, cached values, and the library behind them."""

from pathlib import Path

import pydantic
import pytest
from pydantic import VERSION

import adamcmp
from adamcmp.components import registry
from adamcmp.components.groups import COMPONENT_GROUPS, CONFIG_GROUPS
from adamcmp.components.names import (
    COMPONENT_GROUP_NAMES,
    CONFIG_GROUP_NAMES,
    HYPERPARAMETER_FIELDS,
)
from adamcmp.components.optimizers import Optimizer
from adamcmp.components.registry import Component, canonical_json, only_subclass
from adamcmp.execution.executors import Executor, Pool

#: Versions of pydantic whose models keep cached properties in ``__dict__``, as `Component` assumes.
VERSIONS_RUN = {"2.14"}


class Knobs(Component):
    name: str = "knobs"
    size: int = 1


def test_this_version_of_pydantic_was_run():
    assert VERSION.rpartition(".")[0] in VERSIONS_RUN, "run the tests of components, then add it"


def test_names_are_those_of_the_groups_and_of_the_fields():
    assert tuple(COMPONENT_GROUPS) == COMPONENT_GROUP_NAMES
    assert tuple(CONFIG_GROUPS) == CONFIG_GROUP_NAMES
    assert set(HYPERPARAMETER_FIELDS.values()) < set(Optimizer.model_fields)


def test_the_attributes_of_models_are_read_by_their_base_class_only():
    package = Path(adamcmp.__file__).parent
    files = [file for file in package.rglob("*.py") if "__dict__" in file.read_text()]
    assert files == [Path(registry.__file__)]


def test_a_changed_copy_has_another_identity():
    """The cached text of the original does not hold for the copy."""
    knobs = Knobs()
    before = knobs.canonical
    changed = knobs.model_copy(update={"size": 2})
    assert (before, changed.canonical) == (
        '{"name":"knobs","size":1}',
        '{"name":"knobs","size":2}',
    )
    assert knobs.canonical is before


def test_components_are_frozen_strict_and_finite():
    with pytest.raises(pydantic.ValidationError):
        Knobs().size = 3
    with pytest.raises(pydantic.ValidationError):
        Knobs(size="1")
    with pytest.raises(pydantic.ValidationError):
        Knobs(sizes=1)


def test_canonical_json_does_not_depend_on_the_order_of_keys():
    assert canonical_json({"b": 1, "a": [2.0]}) == canonical_json({"a": [2.0], "b": 1})


def test_a_raised_revision_is_part_of_the_identity(monkeypatch):
    assert "revision" not in Knobs().identity()
    monkeypatch.setattr(Knobs, "revision", 1)
    assert Knobs().identity()["revision"] == 1


@pytest.mark.parametrize("revision", [0, None])
def test_settings_that_a_fix_does_not_concern_keep_their_identity(revision, monkeypatch):
    before = Knobs().identity()
    monkeypatch.setattr(Knobs, "revision", 1)
    monkeypatch.setattr(Knobs, "revision_of", staticmethod(lambda settings: revision))
    assert Knobs().identity() == before


def test_the_only_subclass_of_a_module():
    assert only_subclass("adamcmp.execution.executors.pool", Executor) is Pool
    with pytest.raises(TypeError, match=r"adamcmp\.errors must define exactly one .*, not 0"):
        only_subclass("adamcmp.errors", Executor)
    with pytest.raises(TypeError, match=r"adamcmp\.errors must define exactly one .*, not \d+"):
        only_subclass("adamcmp.errors", Exception)
