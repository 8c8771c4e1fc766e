"""Adapter to inductor's private API for compiling shared libraries quickly.

``tests/training/engines/test_torch_internals.py`` compiles a library with each of the functions and
lists the versions of torch that passed.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch.fx import GraphModule

from adamcmp.training.engines.inductor_libraries import small_libraries
from adamcmp.training.engines.inductor_shortcuts import shortcuts
from adamcmp.training.engines.mutations import defer_mutations
from adamcmp.training.engines.torch_internals import no_stack_traces, placeholders

#: Inductor's settings for shared libraries. Precompiled headers take three times as long as they
#: save in the two files that include them. Nobody debugs the generated code. The calls of kernels
#: need few optimizations.
_LIBRARY_OPTIONS = {
    "aot_inductor.precompile_headers": False,
    "aot_inductor.enable_line_tables": False,
    "aot_inductor.compile_wrapper_opt_level": "Og",
    # Checks of the inputs, which are off unless an environment variable is set.
    "size_asserts": False,
}


def write_library(graph: GraphModule, file: Path) -> None:
    """Compile a graph to a shared library with ``torch._inductor.aot_compile``.

    Args:
        graph: A traced graph, which is changed.
        file: The library.
    """
    import torch._inductor

    arguments = placeholders(graph)
    has_constants = bool(graph.graph.find_nodes(op="get_attr"))
    is_functional = not has_constants and defer_mutations(graph)
    with (
        _decompose_once() if is_functional else contextlib.nullcontext(),
        _one_table_of_types(),
        tempfile.TemporaryDirectory(prefix="adamcmp-") as folder,
        no_stack_traces(),
        _processors_instruction_sets(),
        small_libraries(Path(folder)),
        shortcuts(),
    ):
        library = torch._inductor.aot_compile(graph, arguments, options=_LIBRARY_OPTIONS)
        shutil.copyfile(str(library), file)


@contextlib.contextmanager
def _decompose_once() -> Iterator[None]:
    """Decompose a functional graph by tracing it once.

    AOTAutograd, which also removes changes in place, takes three times as long. Replaces
    ``aot_export_module``.
    """
    from torch._dispatch.python import enable_python_dispatcher
    from torch._inductor import compile_fx
    from torch.fx.experimental.proxy_tensor import make_fx

    def export(graph: Any, arguments: Any, **options: Any) -> tuple[GraphModule, None]:
        with enable_python_dispatcher(), torch.no_grad(), arguments[0].fake_mode:
            decomposed = make_fx(graph, options["decompositions"])(*arguments)
        decomposed.graph.eliminate_dead_code()
        return decomposed, None

    with (
        mock.patch.object(compile_fx, "aot_export_module", export),
        mock.patch.object(compile_fx, "_unlift_graph", lambda _, graph, signature: graph),
    ):
        yield


@contextlib.contextmanager
def _one_table_of_types() -> Iterator[None]:
    """Fill inductor's table of result types once instead of for every operation it generates.

    ``DtypePropagationOpsHandler`` is a singleton, but each call of it fills the table again.
    """
    from torch._inductor.dtype_propagation import DtypePropagationOpsHandler

    DtypePropagationOpsHandler()
    with mock.patch.object(DtypePropagationOpsHandler, "__init__", return_value=None):
        yield


@contextlib.contextmanager
def _processors_instruction_sets() -> Iterator[None]:
    """Trust the processor's list of vector instruction sets.

    Inductor compiles and loads a library for each of them first, which takes seconds. Every
    compiler that compiles torch's headers (C++20) supports them. AMX is an exception; only
    inductor's own matrix products use it. Replaces ``VecISA.check_build``.
    """
    from torch._inductor.cpu_vec_isa import VecAMX, VecISA

    def is_supported(instructions: VecISA, _: str) -> bool:
        return not isinstance(instructions, VecAMX)

    with mock.patch.object(VecISA, "check_build", is_supported):
        yield
