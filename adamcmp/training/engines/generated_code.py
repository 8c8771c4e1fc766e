"""Make generated C++ code shorter, which takes less time to compile: equal loops become functions.

The layers of a transformer, and parameters of equal shape, have equal loops over other tensors.
The functions compute the same bits as the loops.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

#: Indentation of the loops of a kernel, and the variables that they use without defining them.
_KERNEL = 4, re.compile(r"\b(?:in_ptr|out_ptr|in_out_ptr|ks)\d+\b")

#: The same for loops within the outer loop of a kernel, whose index is x0.
_OUTER_LOOP = 12, re.compile(r"\b(?:(?:in_ptr|out_ptr|in_out_ptr|local_buffer_data_|ks)\d+|x0)\b")

#: Other variables of loops, and how they are defined.
_LOCAL = re.compile(r"\b(?:tmp\w+|x\d+)\b")
_DEFINED = re.compile(r"\b(?:auto|int64_t|float|double|bool|Vectorized<\w+>) (tmp\w+|x\d+)")


class _Loop(NamedTuple):
    """A loop of a kernel.

    Attributes:
        start: Its first line.
        end: The line after its last one.
        variables: The variables that it does not define, in the order of their first use.
        body: Its code, in which these variables are named by their number.
    """

    start: int
    end: int
    variables: tuple[str, ...]
    body: str


def share_equal_loops(code: str) -> str:
    """Return the code of kernels with a function for loops that differ in their variables only.

    Args:
        code: Kernels as inductor generates them, with its indentation.
    """
    for indentation, variable in (_OUTER_LOOP, _KERNEL):
        code = _share(code.splitlines(), indentation, variable)
    return code


def _share(lines: list[str], indentation: int, variable: re.Pattern[str]) -> str:
    loops = [_loop(lines, *span, variable) for span in _spans(lines, indentation)]
    counts = Counter(loop.body for loop in loops)
    functions: dict[str, str] = {}
    result: list[str] = []
    kernel = position = 0
    for loop in loops:
        if counts[loop.body] == 1 or not _is_complete(loop.body):
            continue
        for line in lines[position : loop.start]:
            kernel = len(result) if line.startswith('extern "C"') else kernel
            result.append(line)
        if loop.body not in functions:
            functions[loop.body] = f"loop_{indentation}_{len(functions)}"
            function = _function(functions[loop.body], loop)
            result[kernel:kernel] = function
            kernel += len(function)
        call = f"{functions[loop.body]}({', '.join(loop.variables)});"
        result.append(" " * indentation + call)
        position = loop.end
    return "\n".join([*result, *lines[position:], ""])


def _spans(lines: list[str], indentation: int) -> Iterator[tuple[int, int]]:
    """Yield the first line of each block with an indentation, and the line after it.

    A block is enclosed in braces. It may begin with a pragma and the head of a loop.
    """
    space = " " * indentation
    start = None
    for number, line in enumerate(lines):
        if line == space + "}":
            if start is not None:
                yield start, number + 1
            start = None
        elif line.startswith((space + "{", space + "for(", space + "#pragma")):
            start = number if start is None else start
        elif not line.startswith(space + " "):
            start = None


def _loop(lines: list[str], start: int, end: int, variable: re.Pattern[str]) -> _Loop:
    numbers: dict[str, str] = {}
    code = "\n".join(lines[start:end])
    body = variable.sub(lambda match: numbers.setdefault(match.group(), f"v{len(numbers)}"), code)
    return _Loop(start, end, tuple(numbers), body)


def _is_complete(body: str) -> bool:
    """Return whether a loop defines all other variables that it uses."""
    return set(_LOCAL.findall(body)) <= set(_DEFINED.findall(body))


def _function(name: str, loop: _Loop) -> list[str]:
    parameters = ", ".join(f"auto v{number}" for number in range(len(loop.variables)))
    head = f"[[gnu::noinline]] static void {name}({parameters}) {{"
    return [head, *loop.body.split("\n"), "}"]
