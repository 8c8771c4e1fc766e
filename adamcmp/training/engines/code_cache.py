"""Cache of traced and compiled code on disk, checked against digests, shared between processes."""

from __future__ import annotations

import hashlib
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, final

import torch
from filelock import FileLock
from torch import Tensor
from torch.fx import GraphModule

from adamcmp.platform.cache import source_digest
from adamcmp.platform.provenance import cpu_features, hardware
from adamcmp.training.engines.inductor_internals import write_library
from adamcmp.training.engines.torch_internals import (
    Executable,
    load_artifact,
    load_library,
    write_artifact,
)
from adamcmp.training.engines.tracing import Axes


class CodeFormat(ABC):
    """The file format of compiled code for a device.

    Attributes:
        device: Type of the device that executes the code.
        suffix: Suffix of the files.
    """

    device: ClassVar[str]
    suffix: ClassVar[str]

    @abstractmethod
    def write(self, graph: GraphModule, file: Path) -> None:
        """Compile a traced graph into a file."""

    @abstractmethod
    def load(self, file: Path) -> Executable:
        """Load a file that `write` has written."""


@final
class SharedLibrary(CodeFormat):
    """A shared library for the CPU: loads in a millisecond, without dynamo or inductor."""

    device, suffix = "cpu", ".so"

    def write(self, graph: GraphModule, file: Path) -> None:
        """See `CodeFormat.write`."""
        write_library(graph, file)

    def load(self, file: Path) -> Executable:
        """See `CodeFormat.load`."""
        return load_library(file)


@final
class InductorArtifact(CodeFormat):
    """An inductor artifact for a GPU; its Triton kernels need no CUDA toolkit."""

    device, suffix = "cuda", ".artifact"

    def write(self, graph: GraphModule, file: Path) -> None:
        """See `CodeFormat.write`."""
        write_artifact(graph, file)

    def load(self, file: Path) -> Executable:
        """See `CodeFormat.load`."""
        return load_artifact(file)


def code_key(arguments: Sequence[Tensor], axes: Sequence[Axes], identity: Any, engine: str) -> str:
    """Return a digest of everything that determines the code of a function.

    Args:
        arguments: Examples of its arguments.
        axes: The symbolic dimensions of each argument.
        identity: JSON values that determine the function, together with shapes and versions.
        engine: The engine.
    """
    shapes = [
        [str(tensor.dtype), [names.get(d, size) for d, size in enumerate(tensor.shape)]]
        for tensor, names in zip(arguments, axes, strict=True)
    ]
    device = arguments[0].device.type
    machine = [hardware(device), cpu_features(), torch.__version__, torch.get_num_threads()]
    text = json.dumps([engine, identity, shapes, machine, source_digest()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def cached_file(folder: Path, key: str, suffix: str, write: Callable[[Path], None]) -> Path:
    """Return the file that is stored under a key; write it first if it does not exist.

    Args:
        folder: The cache.
        key: Identifies the content.
        suffix: Suffix of the file's name.
        write: Writes the content to a file. Only one of several processes calls it.
    """
    file = _find(folder, key, suffix)
    if file is None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(folder / f"{key}.lock"):
            file = _find(folder, key, suffix)
            if file is None:
                temporary = folder / f".tmp-{key}-{os.getpid()}{suffix}"
                write(temporary)
                file = temporary.replace(folder / f"{key}-{_digest(temporary)}{suffix}")
    return file


def _find(folder: Path, key: str, suffix: str) -> Path | None:
    """Return the file stored under a key; delete those that cannot be read or are damaged.

    A file of another user is not read, since it is executed: whoever may write the cache could
    run code as this user. Files of root are, such as those of an image of a container.
    """
    for file in folder.glob(f"{key}-*{suffix}"):
        try:
            if file.stem == f"{key}-{_digest(file)}" and _is_trusted(file):
                return file
        except PermissionError:  # written by another user; it can be replaced
            pass
        file.unlink(missing_ok=True)
    return None


def _is_trusted(file: Path) -> bool:
    return file.lstat().st_uid in (0, os.geteuid())


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:16]
