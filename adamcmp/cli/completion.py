"""``adamcmp completion``: completion for bash and zsh.

The shell passes the line to ``adamcmp complete``, which uses Hydra for overrides only, because
Hydra's completion does not work after a subcommand.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

from adamcmp.cli import ALIASES, COMMANDS, command_module
from adamcmp.cli._options import Parser
from adamcmp.components.names import CONFIG_GROUP_NAMES
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

#: Commands whose arguments name studies.
_STUDY_COMMANDS = ("ls", "report", "extend", "compare", "plot")


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser("completion", "Print a completion script for your shell.", EXAMPLES)
    parser.add_argument("shell", choices=("bash", "zsh"))
    return parser


def main(arguments: list[str]) -> int:
    """Print the script that a shell evaluates."""
    print({"bash": BASH, "zsh": ZSH}[parser().parse_args(arguments).shell], end="")
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
    command, arguments = words[1], words[2:]
    if command not in COMMANDS and command not in ALIASES:
        return []
    if typed.startswith("-"):
        return [flag for flag in command_module(command).parser().flags if flag.startswith(typed)]
    return [value for value in _values(command, arguments, typed) if value.startswith(typed)]


def _values(command: str, arguments: list[str], typed: str) -> list[str]:
    """Return the values, such as names and overrides, that may follow a command's arguments."""
    command = ALIASES.get(command, command)
    if command in ("run", "sweep"):
        return _overrides(arguments, typed)
    if command == "study":
        return _overrides(arguments[1:], typed) if arguments else _study_files(arguments)
    if command == "compare" and arguments and arguments[-1] in ("--a", "--b", "--metric"):
        return _comparison_values(arguments)
    if command == "plot" and not arguments:
        return _plots()
    if command in _STUDY_COMMANDS:
        return _studies()
    return {"components": [*CONFIG_GROUP_NAMES], "completion": ["bash", "zsh"]}.get(command, [])


def _overrides(preceding: list[str], typed: str) -> list[str]:
    """Return the completions of a partly typed override."""
    from adamcmp.config import SHORT_KEYS, Composer, choices

    composer = Composer(_config_dir(preceding))
    key, equals, _ = typed.partition("=")
    if equals and key == "study":
        return [f"study={name}" for name in _studies()]
    if equals:
        return [f"{key}={option}" for option in composer.options(key) or choices(key)]
    overrides = [word for word in preceding if "=" in word and not word.startswith("-")]
    short = [f"{name}=" for name in (*SHORT_KEYS, "seeds") if "." not in name]
    keys = composer.complete_keys(overrides, typed)
    # Hydra's settings have no effect.
    return sorted({*keys, *short} - {"hydra", "hydra.", "hydra/"})


def _study_files(arguments: list[str]) -> list[str]:
    from adamcmp.config import study_files

    return list(study_files(_config_dir(arguments)))


def _comparison_values(arguments: list[str]) -> list[str]:
    """Return the metrics, or the optimizers of the named studies, for an option of ``compare``."""
    from adamcmp.storage import reader
    from adamcmp.storage.columns import METRICS

    if arguments[-1] == "--metric":
        return list(METRICS)
    named = [name for name in _studies() if name in arguments]
    tables = [reader.read_runs(_root() / name, ["optimizer"]) for name in named]
    optimizers = {str(o) for table in tables for o in table.column("optimizer").to_pylist()}
    return [f"optimizer={name}" for name in sorted(optimizers)]


def _config_dir(arguments: list[str]) -> str | None:
    for option, value in pairwise(arguments):
        if option in ("--config-dir", "-cd"):
            return value
    return None


def _plots() -> list[str]:
    """Return the names of the plots, without importing the modules that draw them."""
    folder = Path(__file__).parents[1] / "plots"
    return sorted(file.stem for file in folder.glob("[!_]*.py"))


def _studies() -> list[str]:
    from adamcmp.storage import reader

    return reader.list_studies(_root())


def _root() -> Path:
    return Path(os.environ.get("ADAMCMP_RESULTS", "results")).expanduser()
