"""Settings and commands that a report shows."""

import json
import re
import shlex
import subprocess

import pytest
import yaml

import adamcmp
from adamcmp.cli import main
from adamcmp.reporting import provenance, report
from adamcmp.reporting.provenance import commands
from tests.support.studies import FAST


def test_commands_can_be_pasted(results):
    words = [*FAST, "optimizer=adam_l2,adamw", "lr=logspace(1e-3,1e-2,2)"]
    adamcmp.sweep(words)
    adamcmp.sweep(words)  # nothing left to train; asked again all the same
    found = report([results / "s"], ["lr=0.001"])
    made, reported = commands(found.answer)
    assert reported == "adamcmp report s lr=0.001"
    shell = f"python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' {made}"
    typed = json.loads(subprocess.run(shell, shell=True, capture_output=True, text=True).stdout)
    assert typed == ["adamcmp", "sweep", *words]


def test_every_setting_is_shown_once(results, two_plots):
    adamcmp.sweep([*FAST, "optimizer=adamw,sgd", "lr=1e-3,1e-2", "batch_size=20,50"])
    made = report([results / "s"])
    table = provenance.differing_settings(made.answer)
    values = table.pivot(index="setting", columns="optimizer", values="estimate").fillna("")
    assert values.loc["optimizer.momentum"].to_dict() == {"adamw": "", "sgd": "0.9"}
    assert values.loc["optimizer.betas"].to_dict() == {"adamw": "[0.9, 0.999]", "sgd": ""}
    assert values.loc["coupling"].nunique() == 2
    told = {
        *values.index,
        *provenance.common_settings(made.answer),
        *provenance.varied_settings(made.answer),
    }
    columns = {"batch_size", "lr", "wd", "schedule", "steps"}
    columns |= {c for c in made.answer.runs if c.startswith("optimizer.")}
    columns -= {f"optimizer.{same}" for same in ("lr", "weight_decay", "rule", "coupling")}
    known = {c for c in columns if made.answer.runs[c].notna().any()}
    assert known <= told and not {"batch_size", "lr"} & {*values.index}
    page = (made.folder / "index.html").read_text()
    (shown,) = re.findall(r'<table id="table-differing">.*?</table>', page, re.DOTALL)
    assert '<td data-optimizer="sgd" data-value="0.9">0.9</td>' in shown
    assert ">–</td>" in shown and "swatch" not in shown  # the rule's name is no optimizer's here


def test_alike_optimizers_differ_in_nothing(results, two_plots):
    adamcmp.sweep([*FAST, "lr=1e-3,1e-2"])
    made = report([results / "s"])
    assert provenance.differing_settings(made.answer).empty
    assert "table-differing" not in (made.folder / "index.html").read_text()


OWN_STUDY = """\
common: {dataset: teacher, dataset.train_examples: 200, dataset.test_examples: 50, steps: 6}
blocks: {all: {optimizer: own, seeds: 2}}
scales: {smoke: {common: {steps: 3}}}
"""
THEIRS = "optimizer,dataset,model,lr,wd,seed,acc\nadam,d,m,0.1,0,0,0.9\nsgd,d,m,0.1,0,0,0.8\n"


@pytest.mark.parametrize(
    ("words", "study"),
    [
        (["study", "mine", "--config-dir", "my own"], "mine"),
        (["study", "mine", "-cd", "my own", "--scale", "smoke", "wd=0.1"], "mine-smoke"),
        (["sweep", *FAST, "optimizer=own", "seeds=2", "--config-dir=my own"], "s"),
        (["run", *FAST, "optimizer=own", "--config-dir", "my own"], "s"),
        (["import-csv", "their runs.csv", "--study", "s", "--map", "test_accuracy=acc"], "s"),
    ],
)
def test_commands_do_it_again(words, study, results, tmp_path, two_plots, capsys):
    for kind, name, text in (("study", "mine", OWN_STUDY), ("optimizer", "own", "defaults: [sgd]")):
        (tmp_path / "my own" / kind).mkdir(parents=True)
        (tmp_path / "my own" / kind / f"{name}.yaml").write_text(text)
    (tmp_path / "their runs.csv").write_text(THEIRS)
    assert main(words) == 0
    made, reported = commands(report([results / study]).answer)
    trained = sorted((results / study / "runs").iterdir())
    for command in (made, reported):
        adamcmp_, *argv = shlex.split(command)
        assert adamcmp_ == "adamcmp" and main(argv) == 0, capsys.readouterr().err
    assert [path.name for path in results.iterdir()] == [study]
    if words[0] != "import-csv":  # which writes its rows anew
        assert sorted((results / study / "runs").iterdir()) == trained


def test_commands_of_a_study_that_noted_no_flags(results):
    adamcmp.run(FAST)
    file = results / "s" / "study.yaml"
    about = yaml.safe_load(file.read_text())
    assert about["asked"][0].pop("flags") == []
    file.write_text(yaml.safe_dump(about))
    assert commands(report([results / "s"]).answer)[0] == shlex.join(["adamcmp", "sweep", *FAST])
