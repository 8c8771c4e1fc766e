"""``adamcmp completion``: completion for bash and zsh.

The shell passes the line to ``adamcmp complete``, which uses Hydra for overrides only, because
Hydra's completion does not work after a subcommand. Arguments and their completers are those that
the command's parser declares.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence

from adamcmp.cli import ALIASES, COMMANDS, command_module
from adamcmp.cli._parser import Line, Parser
from adamcmp.errors import AdamcmpError

BASH = """\
_adamcmp() {
    local IFS=$'\\n' line="${COMP_LINE:0:$COMP_POINT}"
    COMPREPLY=($(adamcmp complete "$line" 2>/dev/null))
    # Bash splits words at "=" and ":"; return only what follows the last split.
    local word="${line##* }" cut="${COMP_WORDS[COMP_CWORD]}"
    [[ "$cut" == "=" ]] && cut=""
    local before="${word%"$cut"}" i
    for i in "${!COMPREPLY[@]}"; do COMPREPLY[$i]="${COMPREPLY[$i]#"$before"}"; done
    [[ ${#COMPREPLY[@]} == 1 && "${COMPREPLY[0]}" == *[=./] ]] && compopt -o nospace
    return 0
}
complete -F _adamcmp adamcmp
"""

ZSH = """\
#compdef adamcmp
_adamcmp() {
    local -a candidates
    candidates=("${(@f)$(adamcmp complete "${BUFFER[1,$CURSOR]}" 2>/dev/null)}")
    compadd -S '' -Q -- ${candidates:#}
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u }
compdef _adamcmp adamcmp
"""

EXAMPLES = """\
examples:
  eval "$(adamcmp completion bash)"     in ~/.bashrc
  eval "$(adamcmp completion zsh)"      in ~/.zshrc
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser("completion", "Print the shell completion script for bash or zsh.", EXAMPLES)
    parser.add_argument("shell", choices=("bash", "zsh"), help="your shell")
    return parser


def main(arguments: list[str]) -> int:
    """Print the script that a shell evaluates."""
    print({"bash": BASH, "zsh": ZSH}[parser().parse(arguments).shell], end="")
    return 0


def complete(arguments: list[str]) -> int:
    """Print the completions of a command line, one per line.

    Args:
        arguments: The line up to the cursor, as one argument.

    Returns:
        0; 1 if the line cannot be completed.
    """
    try:
        for candidate in candidates(arguments[0] if arguments else ""):
            print(candidate)
    except AdamcmpError:
        return 1  # an incomplete line; a shell shows no errors while completing
    return 0


def candidates(line: str) -> list[str]:
    """Return the completions of the last word of a command line."""
    words = line.split()
    typed = "" if not words or line[-1:].isspace() else words.pop()
    if len(words) <= 1:
        names = (*COMMANDS, *ALIASES, "--help", "--version")
        return [name for name in names if name.startswith(typed)]
    command = words[1]
    if command not in COMMANDS and command not in ALIASES:
        return []
    values = _values(command_module(command).parser(), words[2:], typed)
    return [value for value in values if value.startswith(typed)]


def _values(parser: Parser, words: Sequence[str], typed: str) -> list[str]:
    """Return the flags, or the values of the argument, that the word at the cursor may become."""
    values, argument = _assign(parser, words)
    flag, equals, value = typed.partition("=")
    if equals and flag in parser.flags:
        values, argument = _assign(parser, [*words, flag])
        return [f"{flag}={each}" for each in _argument_values(parser, argument, values, value)]
    if typed.startswith("-"):
        return parser.flags
    return _argument_values(parser, argument, values, typed)


def _assign(
    parser: Parser, words: Sequence[str]
) -> tuple[dict[str, list[str]], argparse.Action | None]:
    """Assign words to arguments as the parser does.

    Returns:
        Argument's name -> its values; and the argument of the next word, None if there is none.
    """
    options = {flag: argument for argument in parser.arguments for flag in argument.option_strings}
    values: dict[str, list[str]] = defaultdict(list)

    def positional() -> argparse.Action | None:
        positionals = [a for a in parser.arguments if not a.option_strings]
        return next((a for a in positionals if a.nargs in ("*", "+") or a.dest not in values), None)

    argument = positional()
    for word in words:
        flag, equals, value = word.partition("=")
        if flag in options and equals:
            values[options[flag].dest].append(value)
        elif flag in options:
            argument = options[flag] if options[flag].nargs != 0 else positional()
        elif argument is not None:
            values[argument.dest].append(word)
            argument = argument if argument.nargs in ("*", "+") else positional()
    return values, argument


def _argument_values(
    parser: Parser, argument: argparse.Action | None, values: dict[str, list[str]], typed: str
) -> list[str]:
    """Return the choices of an argument, or the values of its completer."""
    if argument is None:
        return []
    if argument.choices is not None:
        return [str(choice) for choice in argument.choices]
    completer = parser.completers.get(argument.dest)
    return [] if completer is None else list(completer(Line(values, typed)))
