"""Completion for bash and zsh, behind a subcommand.

Hydra's own completion answers nothing behind a subcommand: it takes the whole line for
overrides. Here the shell hands the line to ``adamcmp complete``, which asks Hydra about the words
after ``run`` or ``sweep`` alone.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

from adamcmp.cli import COMMANDS
from adamcmp.cli._options import Parser, add_results, results_root
from adamcmp.errors import AdamcmpError

BASH = """\
_adamcmp() {
    local IFS=$'\\n' line="${COMP_LINE:0:$COMP_POINT}"
    COMPREPLY=($(adamcmp complete "$line" 2>/dev/null))
    # Bash cuts words at "=" and ":"; give back what follows the last cut.
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
    local -a found
    found=("${(@f)$(adamcmp complete "${BUFFER[1,$CURSOR]}" 2>/dev/null)}")
    compadd -S '' -Q -- ${found:#}
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u }
compdef _adamcmp adamcmp
"""

_TRAINING = ("--force", "--retry-failed", "--dry-run", "--quiet", "--json")
FLAGS = {
    "run": (*_TRAINING, "--cfg", "--resolve", "--package", "--config-dir", "--multirun"),
    "sweep": (*_TRAINING, "--cfg", "--resolve", "--package", "--config-dir"),
    "study": (*_TRAINING, "--config-dir"),
    "extend": (*_TRAINING, "--results"),
    "import-csv": (
        *("--study", "--map", "--set", "--percent", "--settings", "--dry-run", "--results"),
    ),
    "ls": ("--results",),
    "report": ("--format", "--out", "--strict", "--watch", "--results"),
    "compare": ("--a", "--b", "--metric", "--json", "--results"),
    "plot": ("--where", "--out", "--metric", "--x", "--y", "--hue", "--facet", "--results"),
    "show": ("--results",),
    "parts": ("--config-dir", "dataset", "model", "optimizer", "schedule", "loss", "logger"),
    "completion": ("bash", "zsh"),
}


def completion(words: list[str]) -> int:
    """Print the script that a shell evaluates."""
    parser = Parser(
        prog="adamcmp completion",
        description='Print a completion script: eval "$(adamcmp completion bash)"',
    )
    parser.add_argument("shell", choices=("bash", "zsh"))
    print({"bash": BASH, "zsh": ZSH}[parser.parse_args(words).shell], end="")
    return 0


def complete(words: list[str]) -> int:
    """Print the completions of a command line, one a line."""
    try:
        for candidate in candidates(words[0] if words else ""):
            print(candidate)
    except AdamcmpError:
        return 1  # a half-typed line has no completions; a shell shows no errors
    return 0


def candidates(line: str) -> list[str]:
    """Return what the last word of `line` may become."""
    words = line.split()
    typed = "" if not words or line[-1:].isspace() else words.pop()
    if len(words) <= 1:
        return [name for name in (*COMMANDS, "--help", "--version") if name.startswith(typed)]
    command = words[1]
    fixed = [flag for flag in FLAGS.get(command, ()) if flag.startswith(typed)]
    if command in ("run", "sweep") and not typed.startswith("-"):
        return _settings(words[2:], typed)
    if command == "study" and not typed.startswith("-"):
        from adamcmp.config import study_files

        named = [name for name in study_files(_config_dir(words)) if name.startswith(typed)]
        return named if len(words) == 2 else _settings(words[3:], typed)
    if command == "compare" and words[-1] in ("--a", "--b", "--metric"):
        return [value for value in _compared(words) if value.startswith(typed)]
    if command == "plot" and len(words) == 2 and not typed.startswith("-"):
        return [name for name in _plots() if name.startswith(typed)]
    if command in ("ls", "report", "extend", "compare", "plot") and not typed.startswith("-"):
        return [*fixed, *(name for name in _studies() if name.startswith(typed))]
    return fixed


def _settings(before: list[str], typed: str) -> list[str]:
    """Return what Hydra would complete after the words before, and our short keys."""
    from adamcmp.config import SHORT_KEYS, Composer, choices

    composer = Composer(_config_dir(before))
    key, equals, start = typed.partition("=")
    if equals and key == "study":  # no config group, though a folder of that name lies beside them
        return [f"study={name}" for name in _studies() if name.startswith(start)]
    if equals and composer.options(key):
        return [f"{key}={o}" for o in composer.options(key) if o.startswith(start)]
    if equals:
        return [f"{key}={value}" for value in choices(key) if value.startswith(start)]
    settled = [word for word in before if "=" in word and not word.startswith("-")]
    found = composer.complete_keys(settled, typed)
    keys = [key for key in (*SHORT_KEYS, "seeds") if "." not in key]
    short = [f"{key}=" for key in keys if key.startswith(typed)]
    return sorted({*found, *short} - {"hydra", "hydra.", "hydra/"})


def _compared(words: list[str]) -> list[str]:
    """Return what a flag of ``compare`` may be given: metrics, or the study's optimizers."""
    from adamcmp.storage import reader
    from adamcmp.storage.columns import METRICS

    if words[-1] == "--metric":
        return list(METRICS)
    named = [name for name in _studies() if name in words[2:]]
    tables = [reader.read_runs(_root() / name, ["optimizer"]) for name in named]
    found = {str(o) for table in tables for o in table.column("optimizer").to_pylist()}
    return [f"optimizer={name}" for name in sorted(found)]


def _config_dir(words: list[str]) -> str | None:
    for flag, value in pairwise(words):
        if flag in ("--config-dir", "-cd"):
            return value
    return None


def _plots() -> list[str]:
    """Return the plots' names, without importing what draws them."""
    folder = Path(__file__).parents[1] / "plots"
    return sorted(file.stem for file in folder.glob("[!_]*.py"))


def _studies() -> list[str]:
    from adamcmp.storage import reader

    return reader.list_studies(_root())


def _root() -> Path:
    parser = argparse.ArgumentParser()
    add_results(parser)
    return results_root(parser.parse_args([]))


__all__ = ["candidates", "complete", "completion"]
