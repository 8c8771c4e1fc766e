"""The parser that declares a command.

A command is declared once, by the `Parser` that the function ``parser`` of its module returns.
Parsing, ``--help``, shell completion (`adamcmp.cli.completion`), the list of commands in
``adamcmp --help`` and the reference of the documentation (`adamcmp.cli.reference`) all read it.

The parser is argparse's. Its intermixed parsing lets overrides stand before, between and after
flags, and it takes 3 ms to import. click, on which typer is built, takes 37 ms and has no options
with several values such as ``import-csv --map A=B C=D``. shtab writes completion scripts of fixed
words, but studies and overrides change. argcomplete replaces private methods of argparse to find
the argument at the cursor, which takes thirty lines in `adamcmp.cli.completion`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from glob import escape, glob
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from adamcmp.components.trusted_code import TrustedCode, trust
from adamcmp.errors import SYNONYMS, ConfigError, nearest
from adamcmp.platform.progress import hide_progress


class Line(NamedTuple):
    """A command line up to the cursor, for completion.

    Attributes:
        values: The complete words: argument's name -> its values.
        typed: The start of the word at the cursor.
    """

    values: Mapping[str, Sequence[str]]
    typed: str

    def value(self, name: str) -> str | None:
        """Return the last value of an argument; None without one."""
        values = self.values.get(name)
        return values[-1] if values else None


#: Returns possible values of an argument; those that do not begin with the typed text are dropped.
Completer = Callable[[Line], Iterable[str]]


def paths(line: Line) -> list[str]:
    """Return the files and folders whose path begins with the typed text."""
    matches = glob(f"{escape(line.typed)}*")  # noqa: PTH207 - Path.glob drops a typed "./"
    return [f"{path}/" if Path(path).is_dir() else path for path in matches]


class Parser(argparse.ArgumentParser):
    """The declaration of one command; an invalid argument raises `ConfigError`.

    Args:
        command: The command's name.
        description: What the command does. As in a docstring, its first line is a summary.
        examples: Text below the options, such as examples.

    Attributes:
        arguments: All arguments, in the order in which they were added.
        completers: Argument's name -> its completer.
    """

    def __init__(self, command: str, description: str, examples: str = "") -> None:
        # Before super().__init__, which adds --help.
        self.arguments: list[argparse.Action] = []
        self.completers: dict[str, Completer] = {}
        super().__init__(
            prog=f"adamcmp {command}",
            description=description,
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    @property
    def summary(self) -> str:
        """The command in one line."""
        return (self.description or "").partition("\n")[0].removesuffix(".")

    @property
    def flags(self) -> list[str]:
        """All option strings, such as ``--json``."""
        return [flag for argument in self.arguments for flag in argument.option_strings]

    def add_argument(
        self, *args: Any, completer: Completer | None = None, **kwargs: Any
    ) -> argparse.Action:
        """Add an argument.

        Args:
            *args: As in `argparse.ArgumentParser.add_argument`.
            completer: Returns values for shell completion. Choices need none.
            **kwargs: As in `argparse.ArgumentParser.add_argument`.
        """
        action = super().add_argument(*args, **kwargs)
        self.arguments.append(action)
        if completer is not None:
            self.completers[action.dest] = completer
        return action

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the known arguments; see `argparse.ArgumentParser.parse_known_args`.

        Raises:
            ConfigError: If a setting was typed as an option, such as ``--lr 0.01``.
        """
        parsed, unknown = super().parse_known_args(args, namespace)
        _check_dashes(unknown)
        return parsed, unknown

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return the values of a command's arguments, in which options may stand anywhere.

        ``--quiet``, ``--allow-code`` and ``--config-dir`` also take effect, for the whole command.
        """
        # Intermixed parsing reports missing options before missing positional arguments.
        parse = self.parse_intermixed_args if arguments else self.parse_args
        options = parse(arguments)
        if hasattr(options, "allow_code"):
            config_dir = getattr(options, "config_dir", None)
            trust(TrustedCode(options.allow_code, config_dir=config_dir))
        if getattr(options, "quiet", False):
            hide_progress()
        return options

    def error(self, message: str) -> NoReturn:
        """Reject the arguments.

        Raises:
            ConfigError: Always, with argparse's message and the most similar option.
        """
        # Only the text of the message has the unknown argument.
        _, _, unknown = message.partition("unrecognized arguments: ")
        typed = unknown.partition(" ")[0].partition("=")[0]
        suggestion = nearest(typed, self.flags) if unknown else ""
        usage = suggestion or f" `{self.prog} --help` lists the options."
        raise ConfigError(f"{message}.{usage}")


def _check_dashes(unknown: Sequence[str]) -> None:
    for argument, following in pairwise([*unknown, ""]):
        option, _, value = argument.partition("=")
        key = option.lstrip("-").replace("-", "_")
        key = SYNONYMS.get(key, key)
        if option.startswith("-") and _is_setting(key):
            if not value and following and following[0] != "-" and "=" not in following:
                value = following
            raise ConfigError(
                f"{argument}: settings have no dashes. Write {key}={value or 'VALUE'}."
            )


def _is_setting(key: str) -> bool:
    from adamcmp.config import is_setting  # imports Hydra

    return is_setting(key)
