"""Errors of validation: the key, the value and what is allowed."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, model_validator

from adamcmp.components.registry import Component
from adamcmp.components.validation import build
from adamcmp.errors import ConfigError


class Inner(Component):
    size: Annotated[int, Field(ge=1)] = 1


class Outer(Component):
    name: str = "outer"
    target: str = Field(description="the dotted path of a class")
    rate: Annotated[float, Field(gt=0, lt=1)] = 0.5
    betas: tuple[float, float] = (0.9, 0.999)
    form: Literal["linear", "cosine"] = "linear"
    flag: bool = False
    options: dict[str, int] = Field(default_factory=dict)
    inner: Inner | None = None

    @model_validator(mode="after")
    def _consistent(self):
        if self.flag and self.rate == 0.25:
            raise ValueError("rate=0.25 has no effect with flag=true")
        return self


VALID = {"target": "a.B"}


def test_valid_values():
    """A list is a tuple, and a whole number a float, as yaml has them."""
    outer = build(Outer, {**VALID, "betas": [0.5, 1], "inner": {"size": 3}}, "outer")
    assert outer == Outer(target="a.B", betas=(0.5, 1.0), inner=Inner(size=3))
    assert isinstance(outer.betas[1], float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "outer.target is needed: the dotted path of a class."),
        ({"rate": 1}, "outer.rate=1: should be less than 1."),
        ({"rate": 0}, "outer.rate=0: should be greater than 0."),
        ({"rate": "fast"}, "outer.rate=fast: should be a number."),
        ({"rate": float("nan")}, "outer.rate=nan: should be a finite number."),
        ({"rate": None}, "outer.rate=null: should be a number."),
        ({"flag": 1}, "outer.flag=1: should be true or false."),
        ({"target": True}, "outer.target=true: should be text."),
        ({"betas": [0.9]}, "outer.betas=[0.9]: has too few values: 2 are needed."),
        ({"betas": [1, 2, 3]}, "outer.betas=[1, 2, 3]: has too many values: 2 are needed."),
        ({"betas": [0.9, "x"]}, 'outer.betas=[0.9, "x"]: should be a number.'),
        ({"betas": 0.9}, "outer.betas=0.9: should be a list, like [0.9,0.999]."),
        ({"options": [1]}, "outer.options=[1]: should be a mapping, {key: value}."),
        ({"form": "liner"}, "outer.form=liner: should be one of linear, cosine. Did you mean 'linear'?"),
        ({"inner": {"size": 0}}, "outer.inner.size=0: should be at least 1."),
        ({"inner": {"size": 1.5}}, "outer.inner.size=1.5: should be a whole number."),
        ({"inner": {"sise": 1}}, "There is no setting 'outer.inner.sise'. Did you mean 'size'? outer.inner has: size."),
        ({"inner": 3}, "outer.inner=3: should be a mapping, {key: value}."),
        ({"rte": 1}, "There is no setting 'outer.rte'. Did you mean 'rate'? outer has: target, rate, "
                     "betas, form, flag, options, inner."),
        ({"flag": True, "rate": 0.25}, "outer: rate=0.25 has no effect with flag=true."),
    ],
)  # fmt: skip
def test_errors(values, message):
    with pytest.raises(ConfigError) as error:
        build(Outer, {**VALID, **values} if values else values, "outer")
    assert str(error.value) == message


def test_a_whole_number_is_accepted_as_text():
    assert build(Outer, {**VALID, "target": 3}, "outer").target == "3"


def test_a_key_at_the_top_level_has_no_prefix():
    with pytest.raises(ConfigError, match=r"^rate=2: should be less than 1\.$"):
        build(Outer, {**VALID, "rate": 2}, "")
