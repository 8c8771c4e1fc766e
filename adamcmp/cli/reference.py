"""The reference of the commands as Markdown, from the parsers that declare them."""

from __future__ import annotations

import argparse

from adamcmp.cli._parser import Parser

#: A "|" within a cell of a table.
ESCAPED_BAR = r"\|"


def command_section(parser: Parser) -> str:
    """Return the section of one command: description, usage, arguments and examples."""
    summary, _, details = (parser.description or "").partition("\n")
    parts = [
        f"## {parser.prog}",
        summary,
        details,
        f"```text\n{parser.format_usage().rstrip()}\n```",
        "\n".join(["| argument | meaning |", "|---|---|", *map(argument_row, parser.arguments)]),
        f"```text\n{parser.epilog.rstrip()}\n```" if parser.epilog else "",
    ]
    return "\n\n".join(part for part in parts if part)


def invocation(argument: argparse.Action) -> str:
    """Return how an argument is written: its flags, and the name of its value."""
    choices = None if argument.choices is None else f"{{{','.join(map(str, argument.choices))}}}"
    value = str(argument.metavar or choices or argument.dest.upper())
    if not argument.option_strings:
        return value
    flags = ", ".join(argument.option_strings)
    if argument.nargs == 0:
        return flags
    return f"{flags} [{value}]" if argument.nargs == "?" else f"{flags} {value}"


def argument_row(argument: argparse.Action) -> str:
    """Return the row of the table of arguments."""
    cells = (f"`{invocation(argument)}`", argument.help or "")
    return f"| {' | '.join(cell.replace('|', ESCAPED_BAR) for cell in cells)} |"
