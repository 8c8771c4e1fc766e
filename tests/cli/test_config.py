"""Configurations: ``--cfg``, ``--config-dir``, the results folder."""

import json

import pytest
import yaml

from adamcmp.cli import main
from tests.support.commands import run
from tests.support.studies import THREE_STEPS


def test_cfg_shows_the_config_and_trains_nothing(capsys, results):
    shown = yaml.safe_load(run(capsys, "run", "--cfg", "job", "optimizer=sgd", "lr=0.3"))
    assert shown["optimizer"]["lr"] == 0.3 and shown["dataset"]["name"] == "mnist1d"
    assert "hydra" not in shown and not results.exists()
    part = yaml.safe_load(run(capsys, "run", "-c", "job", "-p", "optimizer", "--resolve"))
    assert part["betas"] == [0.9, 0.999]
    assert "hydra" in yaml.safe_load(run(capsys, "run", "--cfg", "hydra"))


def test_config_folder_of_the_user(capsys, tmp_path):
    folder = tmp_path / "mine" / "optimizer"
    folder.mkdir(parents=True)
    # Without a name in the file, the label is the name of the file.
    (folder / "paper.yaml").write_text(
        "# AdamW as the paper writes it\n"
        "defaults: [adamw, _self_]\ncoupling: independent\nweight_decay: 0.001\n"
    )
    overrides = ["run", "optimizer=paper", "--json", "--config-dir", "mine", *THREE_STEPS]
    row = json.loads(run(capsys, *overrides))
    assert (row["optimizer"], row["coupling"], row["wd"]) == ("paper", "independent", 0.001)
    (folder / "adamw.yaml").write_text("defaults: [sgd]\n")
    assert main(overrides) == 2
    assert "has the name of a built-in file" in capsys.readouterr().err
    assert "AdamW as the paper writes it" in run(
        capsys, "parts", "optimizer", "--config-dir", "mine"
    )


def test_config_group_of_the_user(capsys, tmp_path):
    """An experiment that chooses among our groups, in Hydra's way."""
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    (tmp_path / "mine" / "experiment" / "quick.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /optimizer: sgd\nseed: 7\n"
    )
    overrides = ["run", "+experiment=quick", "--json", "--config-dir", "mine", *THREE_STEPS]
    row = json.loads(run(capsys, *overrides))
    assert (row["optimizer"], row["rule"], row["seed"]) == ("sgd", "sgd", 7)


def test_results_folder_by_override_and_by_environment_variable(capsys, tmp_path, monkeypatch):
    run(capsys, "run", "results=other", *THREE_STEPS)
    assert (tmp_path / "other" / "scratch" / "study.yaml").exists()
    assert "scratch" in run(capsys, "ls", "--results", "other")
    monkeypatch.delenv("ADAMCMP_RESULTS")
    run(capsys, "run", *THREE_STEPS)
    assert (tmp_path / "results" / "scratch" / "runs").exists()


@pytest.mark.parametrize("option", [["--resolve"], ["--package", "model"]])
def test_options_of_cfg_without_it_are_refused(option, capsys, results):
    assert main(["run", *option]) == 2
    assert f"{option[0]} changes what --cfg prints" in capsys.readouterr().err
    assert not results.exists()
