"""Which code of users may be imported: classes that settings name by their dotted path.

An import executes the module, which can do anything. Study files of others, stored runs and plans
are data, so a class that they name is imported only if the user trusts it: if it is named on the
command line or in a file of ``--config-dir``, or if ``--allow-code`` is given.

`adamcmp.components.validation.build` and `adamcmp.components.user_rule.import_rule` create all
components from settings, and both call `check_code`. Without a call of `trust` or `trusting`,
nothing is trusted, so code that reads settings from a file needs no check of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from adamcmp.errors import ConfigError
from adamcmp.platform.addresses import Address
from adamcmp.platform.files import expand_user


class UntrustedCode(ConfigError):
    """A file of others names code that the user has not allowed to be imported."""


@dataclass(frozen=True)
class TrustedCode:
    """The code that a user trusts.

    Attributes:
        everything: Whether all code is trusted, as with ``--allow-code``.
        named_in: Texts of the user, such as the overrides of a command. Classes whose dotted path
            is in one of them are trusted.
        config_dir: The user's folder of ``--config-dir``. Classes that its yaml files name are
            trusted.
    """

    everything: bool = False
    named_in: tuple[str, ...] = ()
    config_dir: str | None = None

    def includes(self, path: str) -> bool:
        """Return whether the class of a dotted path is trusted.

        >>> code = TrustedCode(named_in=("model.target=nets.Small,nets.Large",))
        >>> code.includes("nets.Large"), code.includes("nets.L"), code.includes("my.nets.Large")
        (True, False, False)
        """
        if self.everything:
            return True
        whole_path = re.compile(rf"(?<![\w.]){re.escape(path)}(?![\w.])")
        return any(map(whole_path.search, (*self.named_in, *self._config_texts())))

    def _config_texts(self) -> Iterator[str]:
        if self.config_dir is not None:
            for file in expand_user(self.config_dir).rglob("*.yaml"):
                yield file.read_text(encoding="utf-8", errors="replace")


#: Trust for settings that the user's own command or program sets.
ANY_CODE = TrustedCode(everything=True)
NO_CODE = TrustedCode()

_trusted: ContextVar[TrustedCode] = ContextVar("trusted", default=NO_CODE)
#: The file that is being read, for messages.
_file: ContextVar[str] = ContextVar("file", default="A stored run")


def trusted_code() -> TrustedCode:
    """Return the code that is trusted in the present context."""
    return _trusted.get()


def trust(code: TrustedCode) -> None:
    """Trust code until the present context ends, such as that of a command."""
    _trusted.set(code)


@contextmanager
def trusting(code: TrustedCode) -> Iterator[None]:
    """Trust code within a ``with`` block, and no other code."""
    token = _trusted.set(code)
    try:
        yield
    finally:
        _trusted.reset(token)


@contextmanager
def settings_of(file: str | Address) -> Iterator[None]:
    """Name the file whose settings are read within a ``with`` block in messages."""
    token = _file.set(str(file))
    try:
        yield
    finally:
        _file.reset(token)


def check_code(path: str, key: str) -> None:
    """Check that a class of users' code may be imported.

    Args:
        path: Its dotted path.
        key: The setting that holds the path, for the message.

    Raises:
        UntrustedCode: If it is not trusted.
    """
    if not _trusted.get().includes(path):
        raise UntrustedCode(
            f"{_file.get()} names code: {key}={path}. Code can do anything on this machine. Read "
            f"it first, and then add --allow-code (in Python: allow_code=True) to import it."
        )
