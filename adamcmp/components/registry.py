"""The base class of all components, and the lookup of components by name.

A component (a dataset, model, optimizer rule, schedule, loss, tracker or executor) is one module of
its group's package and one yaml file in ``configs/``. The module holds one subclass of the group's
base class. Its fields are the component's parameters; the module's name is the component's name.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from adamcmp.errors import NotFound, nearest

T = TypeVar("T")


class Component(BaseModel):
    """Base of all configurable classes: frozen and strictly typed, without unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        defer_build=True,
    )

    #: Increase this by 1 if a change of the code changes the component's results, so that its runs
    #: get new ids. Every run records it. 0 is the state of version 0.1.
    revision: ClassVar[int] = 0
    #: The last revision that corrected results, if later ones have changed only their rounding;
    #: None: the present revision. The audit names runs of earlier revisions.
    last_correction: ClassVar[int | None] = None
    #: Completes "if": when a fix changed the results of settings for which `revision_of` is None.
    affected_if: ClassVar[str] = ""
    #: Neutral value of each field that was added after version 0.1: the value with which the
    #: component computes the same results as before the field existed.
    neutral: ClassVar[Mapping[str, Any]] = {}
    #: Fields that do not affect a run's results, such as paths and labels.
    excluded_from_identity: ClassVar[frozenset[str]] = frozenset()
    #: Whether `identity` may have the digest of the user's file or code, as ``sha256``.
    has_digest: ClassVar[bool] = False

    @classmethod
    def revision_of(cls, settings: Mapping[str, Any]) -> int | None:
        """Return the last revision that changed the results of these settings.

        A component overrides this method if a change concerns some settings only. The runs of all
        other settings keep their ids.

        Args:
            settings: The component's fields as JSON values. Those of a stored run may lack some.

        Returns:
            None if the settings do not tell, because it depends on a user's class. The ids do not
            change then; the audit names stored runs with `affected_if`.
        """
        return cls.revision

    @classmethod
    def column_fields(cls) -> Mapping[str, FieldInfo]:
        """Return the fields that have a column each in stored results.

        All other settings are in one column, since those of users' classes are not known in
        advance.
        """
        return cls.model_fields

    def arguments(self) -> dict[str, Any]:
        """Return the settings without a column of their own, as JSON values."""
        return self.model_dump(mode="json", exclude=set(self.column_fields()))

    def imported_code(self) -> dict[str, str]:
        """Return the dotted paths of users' classes that the component imports, by field."""
        return {}

    def identity(self) -> dict[str, Any]:
        """Return everything that can change a run's numbers, as JSON values.

        An added field at its neutral value and revision 0 are left out, so that the ids of stored
        runs stay valid.
        """
        values = self.model_dump(mode="json", exclude=set(self.excluded_from_identity))
        revision = self.revision_of(values)
        neutral = {k: v for k, v in self.neutral.items() if k in values and values[k] == v}
        values = {key: value for key, value in values.items() if key not in neutral}
        return {**values, "revision": revision} if revision else values

    @cached_property
    def canonical(self) -> str:
        """`identity` as canonical JSON, computed once.

        The thousands of runs of a study share components, and the identity of a user's file is
        the digest of its content.
        """
        return canonical_json(self.identity())

    @cached_property
    def memo(self) -> dict[Any, Any]:
        """What other modules compute once from the component, by a key of theirs."""
        return {}

    def __getstate__(self) -> dict[Any, Any]:
        state: dict[Any, Any] = super().__getstate__()
        return {**state, "__dict__": {k: v for k, v in state["__dict__"].items() if k != "memo"}}

    def __copy__(self) -> Self:
        # `model_copy` changes fields of the copy, so it must not inherit cached values.
        copied = super().__copy__()
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied


# `json.dumps` would create an encoder in each call.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def canonical_json(value: Any) -> str:
    """Return JSON values as canonical text: equal values give equal text.

    >>> canonical_json({"b": [1, 2.0], "a": None})
    '{"a":null,"b":[1,2.0]}'
    """
    return _ENCODER.encode(value)


def canonical_object(values: Mapping[str, str]) -> str:
    """Return the canonical text of an object, from the canonical text of each of its values.

    >>> canonical_object({"b": "[1,2.0]", "a": "null"})
    '{"a":null,"b":[1,2.0]}'
    """
    return "{" + ",".join([f'"{key}":{values[key]}' for key in sorted(values)]) + "}"


@dataclass(frozen=True)
class Group:
    """A config group, such as ``optimizer``, and the package of its components.

    Attributes:
        package: Subpackage of `adamcmp.components` that holds one module per component.
        base: Base class of the components.
        name_field: The field of a component that holds its module's name. For optimizers it is
            ``rule``, since several variants share a rule.
    """

    package: str
    base: type[Component]
    name_field: str = "name"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of all components of the group, sorted."""
        package = importlib.import_module(f"adamcmp.components.{self.package}")
        modules = (module.name for module in pkgutil.iter_modules(package.__path__))
        return tuple(sorted(name for name in modules if not name.startswith("_")))

    def component(self, name: str) -> type[Component]:
        """Return the class of a component.

        Raises:
            NotFound: If the group has no component of that name.
        """
        if name not in self.names:
            raise NotFound(
                f"There is no {name!r} among the {self.package}.{nearest(name, self.names)} "
                f"Choose from: {', '.join(self.names)}."
            )
        return only_subclass(f"adamcmp.components.{self.package}.{name}", self.base)


def only_subclass(module_name: str, base: type[T]) -> type[T]:
    """Return the one subclass that a module defines; classes that it imports do not count.

    Args:
        module_name: The full name of the module, which is imported.
        base: The base class.

    Raises:
        TypeError: If it defines none or several.
    """
    module = importlib.import_module(module_name)
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module_name
    ]
    if len(classes) != 1:
        raise TypeError(
            f"{module_name} must define exactly one subclass of {base.__name__}, not {len(classes)}"
        )
    return classes[0]
