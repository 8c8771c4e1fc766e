"""Parser, help, completion and reference of a command agree: all read one declaration."""

import pytest

from adamcmp.cli import COMMANDS, command_module, main
from adamcmp.cli.completion import candidates
from adamcmp.cli.reference import argument_row, command_section
from adamcmp.components.names import CONFIG_GROUP_NAMES
from adamcmp.config import choices
from tests.support.commands import run


@pytest.mark.parametrize("command", COMMANDS)
def test_every_argument_is_in_help_completion_and_reference(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    parser = command_module(command).parser()
    with pytest.raises(SystemExit):
        main([command, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    section = command_section(parser)
    assert section.startswith(f"## adamcmp {command}\n")
    for argument in parser.arguments:
        assert argument.help, f"{argument.dest} has no help"
        assert argument_row(argument) in section
        assert " ".join(argument.help.split()) in text
        assert all(flag in text for flag in argument.option_strings)
    assert candidates(f"adamcmp {command} -") == parser.flags


@pytest.mark.parametrize("command", COMMANDS)
def test_choices_are_completed_and_accepted(command):
    parser = command_module(command).parser()
    for argument in parser.arguments:
        for choice in argument.choices or ():
            flags = argument.option_strings[-1:]
            assert choice in candidates(" ".join(["adamcmp", command, *flags, ""]))
            assert getattr(parser.parse([*flags, choice]), argument.dest) == choice


def test_the_summary_is_the_first_line_of_the_description(capsys):
    text = run(capsys, "--help")
    for command in COMMANDS:
        parser = command_module(command).parser()
        assert f"  {command:<12} {parser.summary}" in text
        assert parser.description.startswith(parser.summary)


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_the_help_names_all_groups_and_samplers(command):
    epilog = command_module(command).parser().epilog
    assert all(f"{group}=" in epilog for group in CONFIG_GROUP_NAMES)
    assert all(sampler in epilog for sampler in choices("sampler"))


def test_options_stand_anywhere():
    options = command_module("plot").parser().parse(["heatmap", "--out", "x.png", "first"])
    assert (options.name, options.study) == ("heatmap", ["first"])
