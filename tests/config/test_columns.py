"""Settings as columns of the table `runs`."""

from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field

from adamcmp.components.groups import COMPONENT_GROUPS
from adamcmp.components.registry import Component
from adamcmp.config import Eval, Protocol, build_component, component_defaults
from adamcmp.config.columns import (
    NeutralColumn,
    component_columns,
    component_from_columns,
    fraction_settings,
    name_column,
    neutral_component_columns,
    neutral_shared_columns,
    protocol_columns,
    protocol_from_columns,
    setting_types,
)
from adamcmp.errors import ConfigError


class Knobs(Component):
    """A component with a field of every kind."""

    name: str = "knobs"
    mode: Literal["a", "b"] = "a"
    share: Annotated[float, Field(ge=0, le=1)] = 0.5
    shares: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = (0.1, 0.2)
    bound: float | None = None
    width: int = 2
    neutral: ClassVar[dict[str, Any]] = {"bound": None, "width": 1}


@pytest.fixture
def knobs(monkeypatch):
    """Return a group of components whose only component is `Knobs`."""

    class Group:
        names, name_field = ("knobs",), "name"

        @staticmethod
        def component(name):
            return Knobs

    monkeypatch.setitem(COMPONENT_GROUPS, "model", Group)


def test_types(knobs):
    types = setting_types()
    assert {name: types[f"model.{name}"] for name in Knobs.model_fields} == {
        "name": str, "mode": str, "share": float, "shares": list[float], "bound": float, "width": int,
    }  # fmt: skip
    assert types["optimizer.arguments"] is str and types["optimizer.sha256"] is str
    assert (types["seed"], types["eval.every"], types["steps"]) == (int, float, int)
    assert "eval" not in types


def test_fractions_are_bounded_by_one(knobs):
    fractions = fraction_settings()
    assert {f for f in fractions if f.startswith("model.")} == {"model.share", "model.shares"}
    assert "optimizer.betas" in fractions and "optimizer.lr" not in fractions


def test_components_are_read_from_their_columns(knobs):
    component = Knobs(mode="b", shares=(0.3,), width=5)
    columns = component_columns(component, "model")
    assert columns["model.shares"] == [0.3] and columns["model.bound"] is None
    assert component_from_columns("model", {"model": "knobs", **columns}) == component


def test_a_missing_column_has_the_neutral_value(knobs):
    assert neutral_component_columns("model", "knobs") == {
        "model.bound": NeutralColumn(None, float, True),
        "model.width": NeutralColumn(1, int, False),
    }
    assert neutral_component_columns("model", "nope") == {}
    row = {"model": "knobs", **component_columns(Knobs(), "model")}
    del row["model.width"]
    assert component_from_columns("model", row).width == 1
    del row["model.share"]
    with pytest.raises(ConfigError, match=r"no value in the column 'model\.share'"):
        component_from_columns("model", row)


def test_added_settings_of_every_run(monkeypatch):
    monkeypatch.setattr(Eval, "neutral", {"every": 3.0})
    assert neutral_shared_columns()["eval.every"] == NeutralColumn(3.0, float, False)


def test_arguments_of_a_users_class_are_one_column():
    values = component_defaults("optimizer", "torch")
    values |= {"target": "torch.optim.NAdam", "momentum_decay": 0.1}
    optimizer = build_component("optimizer", values)
    columns = component_columns(optimizer, "optimizer")
    assert columns["optimizer.arguments"] == '{"momentum_decay": 0.1}'
    row = {"optimizer": optimizer.name, **columns}
    assert component_from_columns("optimizer", row) == optimizer


@pytest.mark.parametrize(
    "protocol",
    [
        Protocol(),
        Protocol(steps=7, seed=3, grad_clip=1.5),
        Protocol(epochs=2, eval=Eval(every_steps=3, train_examples=9)),
    ],
)
def test_protocols_are_read_from_their_columns(protocol):
    columns = protocol_columns(protocol)
    if protocol.steps is None:
        columns["steps"] = 77  # a stored run always has its number of steps
    else:
        columns["epochs"] = None
    again = protocol_from_columns(columns)
    assert again.identity() == protocol.identity()


def test_the_column_of_the_name():
    assert (name_column("model"), name_column("optimizer")) == ("model", "optimizer.rule")
