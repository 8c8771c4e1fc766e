"""In this process, one group after the other."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Group = TypeVar("Group")
Result = TypeVar("Result")


def serial(function: Callable[[Group], Result], groups: Iterable[Group]) -> Iterator[Result]:
    """Yield ``function(group)`` for each group in order, as each is done."""
    for group in groups:
        yield function(group)
