"""The compiled engine: the step of fused lanes as code that was written and compiled for it.

The step is traced to one flat graph of tensors with a symbolic number of lanes, so one compilation
serves all widths; inductor writes and compiles it, and the result is kept in the cache. For a
processor that is a shared library (AOTInductor), which is loaded in a millisecond, without dynamo
or inductor; for a GPU it is inductor's own artifact, whose Triton kernels need no CUDA toolkit.
Its last bits differ from those of the eager engine, which runs the function as it is written, so a
study keeps to one of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from filelock import FileLock
from torch import Tensor
from torch.fx import GraphModule

from adamcmp.errors import EngineError
from adamcmp.platform.cache import cache_folder, source_digest
from adamcmp.platform.provenance import COMPILE_REQUIREMENTS, can_compile, cpu_features, hardware
from adamcmp.training.engines.tracing import Axes, keep_numbers, trace, widen_products

#: Takes and returns flat lists of tensors; it changes those that hold state in place.
Executable = Callable[[Sequence[Tensor]], Sequence[Tensor]]

#: Most operations that inductor may write into one loop, tried in turn: its default, and one
#: that keeps it from the fusions of outer loops that it fails at in attention.
_FUSION = (64, 8)

_EAGER = "Use engine=eager (a study that has runs already keeps its engine: another study)."


def compiled(
    function: Callable[..., Any], arguments: list[Tensor], axes: list[Axes], about: Any
) -> Executable:
    """Return the function as compiled code, from the cache where it is there.

    Args:
        function: Takes tensors in the order of `arguments` and returns a tuple of tensors; it may
            change arguments in place.
        arguments: Examples of the arguments.
        axes: The symbolic axes of each.
        about: Plain JSON values that, with shapes and versions, decide what the function is.

    Raises:
        EngineError: When there is no compiler, or the code cannot be compiled.
    """
    shapes = [
        [str(t.dtype), [axis.get(d, n) for d, n in enumerate(t.shape)]]
        for t, axis in zip(arguments, axes, strict=True)
    ]
    form: _Form = _Artifact() if arguments[0].device.type == "cuda" else _Library()
    machine = [hardware(form.device), cpu_features(), torch.__version__, torch.get_num_threads()]
    text = json.dumps([about, shapes, machine, source_digest()], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:24]
    folder = cache_folder() / "compiled"
    # Beside our own cache, where it survives and needs no name of the user.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "inductor"))
    file = _kept(folder, key, form)
    if file is None:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{key}.lock"):  # of two workers one compiles
            file = _kept(folder, key, form)
            if file is None:
                temporary = folder / f".tmp-{key}-{os.getpid()}{form.suffix}"
                _compile(trace(function, arguments, axes), form, temporary)
                file = temporary.replace(folder / f"{key}-{_digest(temporary)}{form.suffix}")
    return form.load(file)


def _kept(folder: Path, key: str, form: _Form) -> Path | None:
    """Return the file that is kept under a key; one that is damaged is thrown away."""
    for file in folder.glob(f"{key}-*{form.suffix}"):
        if file.stem == f"{key}-{_digest(file)}":
            return file
        file.unlink(missing_ok=True)
    return None


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:16]


class _Form(Protocol):
    """What compiled code for a device is kept as."""

    device: str
    suffix: str

    def write(self, graph: GraphModule, fakes: tuple[Any, ...], file: Path) -> None:
        """Compile a graph of arguments like `fakes` into a file."""

    def load(self, file: Path) -> Executable:
        """Return what the file executes."""


class _Library:
    """A shared library for the processor."""

    device, suffix = "cpu", ".so"

    def write(self, graph: GraphModule, fakes: tuple[Any, ...], file: Path) -> None:
        shutil.copyfile(str(torch._inductor.aot_compile(graph, fakes)), file)

    def load(self, file: Path) -> Executable:
        runner = torch._C._aoti.AOTIModelContainerRunnerCpu(str(file), 1)
        return lambda tensors: runner.run(list(tensors))


class _Artifact:
    """Inductor's artifact for a GPU.

    Kernels are not timed against each other: which sums in which order must not depend on chance.
    """

    device, suffix = "cuda", ".artifact"

    def write(self, graph: GraphModule, fakes: tuple[Any, ...], file: Path) -> None:
        options = {"config_patches": {"deterministic": True}}
        compiled = torch._inductor.standalone_compile(graph, list(fakes), aot=True, options=options)
        compiled.save(path=str(file))

    def load(self, file: Path) -> Executable:
        from torch._inductor.standalone_compile import AOTCompiledArtifact

        artifact = AOTCompiledArtifact.load(path=str(file))
        return lambda tensors: artifact(*tensors)


def _compile(graph: GraphModule, form: _Form, file: Path) -> None:
    if not can_compile(form.device):
        needed = COMPILE_REQUIREMENTS[form.device]
        raise EngineError(f"engine=compiled takes {needed}. {_EAGER}")
    import torch._inductor
    from torch._inductor.exc import CppCompileError

    if isinstance(form, _Library):
        widen_products(graph)
    keep_numbers(graph)
    fakes = tuple(n.meta["val"] for n in graph.graph.nodes if n.op == "placeholder")
    for fusion in _FUSION:
        try:
            with warnings.catch_warnings(), torch._inductor.config.patch(max_fusion_size=fusion):
                warnings.simplefilter("ignore")
                form.write(graph, fakes, file)
            break
        except Exception as error:
            cause = getattr(error, "inner_exception", error)
            # What may go well next time (a full disk, a compiler killed) must not decide how the
            # step is written, and so its bits.
            if fusion == _FUSION[-1] or isinstance(cause, OSError | MemoryError | CppCompileError):
                line = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise EngineError(f"The step cannot be compiled ({line}). {_EAGER}") from error
