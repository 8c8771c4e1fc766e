"""Cache of compiled code on disk, checked against digests and shared between processes."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, final

from filelock import FileLock
from torch.fx import GraphModule

from adamcmp.training.engines.inductor_internals import write_library
from adamcmp.training.engines.torch_internals import (
    Executable,
    load_artifact,
    load_library,
    write_artifact,
)


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


def load_or_write(
    folder: Path, key: str, code_format: CodeFormat, write: Callable[[Path], None]
) -> Executable:
    """Load the code that is stored under a key; write it first if it does not exist.

    Args:
        folder: The cache.
        key: Identifies the code.
        code_format: The file format.
        write: Writes the code to a file. Only one of several processes calls it.
    """
    file = _find(folder, key, code_format)
    if file is None:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{key}.lock"):
            file = _find(folder, key, code_format)
            if file is None:
                temporary = folder / f".tmp-{key}-{os.getpid()}{code_format.suffix}"
                write(temporary)
                name = f"{key}-{_digest(temporary)}{code_format.suffix}"
                file = temporary.replace(folder / name)
    return code_format.load(file)


def _find(folder: Path, key: str, code_format: CodeFormat) -> Path | None:
    """Return the file stored under a key; delete those whose digest does not match their name."""
    for file in folder.glob(f"{key}-*{code_format.suffix}"):
        if file.stem == f"{key}-{_digest(file)}":
            return file
        file.unlink(missing_ok=True)
    return None


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:16]
