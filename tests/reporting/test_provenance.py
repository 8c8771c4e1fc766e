"""Settings and commands that a report shows."""

import json
import re
import shlex
import subprocess

import pandas as pd
import pytest
import yaml

import adamcmp
from adamcmp.cli import main
from adamcmp.reporting import compute_answer, provenance, report
from adamcmp.reporting.provenance import commands
from tests.support.studies import FAST


def test_commands_can_be_pasted(results, quick_reports):
    arguments = [*FAST, "optimizer=adam_l2,adamw", "lr=logspace(1e-3,1e-2,2)"]
    adamcmp.sweep(arguments)
    adamcmp.sweep(arguments)  # records the same command a second time
    recorded, reported = commands(compute_answer([results / "s"], ["lr=0.001"]))
    assert reported == "adamcmp report s lr=0.001"
    shell = f"python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' {recorded}"
    typed = json.loads(subprocess.run(shell, shell=True, capture_output=True, text=True).stdout)
    assert typed == ["adamcmp", "sweep", *arguments]


def test_every_setting_is_shown_once(results, quick_reports):
    adamcmp.sweep([*FAST, "optimizer=adamw,sgd", "lr=1e-3,1e-2", "batch_size=20,50"])
    written = report([results / "s"])
    table = provenance.differing_settings(written.answer)
    values = table.pivot(index="setting", columns="optimizer", values="estimate").fillna("")
    assert values.loc["optimizer.momentum"].to_dict() == {"adamw": "", "sgd": "0.9"}
    assert values.loc["optimizer.betas"].to_dict() == {"adamw": "[0.9, 0.999]", "sgd": ""}
    assert values.loc["coupling"].nunique() == 2
    shown_settings = {
        *values.index,
        *provenance.common_settings(written.answer),
        *provenance.environment(written.answer),
        *provenance.varied_settings(written.answer),
    }
    columns = {"batch_size", "lr", "wd", "schedule", "steps"}
    columns |= {c for c in written.answer.runs if c.startswith("optimizer.")}
    columns -= {f"optimizer.{same}" for same in ("lr", "weight_decay", "rule", "coupling")}
    known = {c for c in columns if written.answer.runs[c].notna().any()}
    assert known <= shown_settings and not {"batch_size", "lr"} & {*values.index}
    page = (written.folder / "index.html").read_text()
    (shown,) = re.findall(r'<table id="table-differing">.*?</table>', page, re.DOTALL)
    assert '<td data-optimizer="sgd" data-value="0.9">0.9</td>' in shown
    assert ">–</td>" in shown and "swatch" not in shown  # the page shows no swatch for rules


def test_settings_of_many_optimizers_are_listed():
    rows = [("rule", "a", "x"), ("optimizer.eps", "a", "0.1"), ("rule", "b", "y")]
    differing = pd.DataFrame(rows, columns=["setting", "optimizer", "estimate"])
    differing.loc[3] = ["optimizer.eps", "b", None]
    listed = provenance.listed_settings(differing).set_index("optimizer")["settings"]
    assert listed.to_dict() == {"a": "rule x, eps 0.1", "b": "rule y"}


def test_optimizers_with_the_same_settings_have_no_table_of_differences(results, quick_reports):
    adamcmp.sweep([*FAST, "lr=1e-3,1e-2"])
    written = report([results / "s"])
    assert provenance.differing_settings(written.answer).empty
    assert "table-differing" not in (written.folder / "index.html").read_text()


USER_STUDY = """\
common: {dataset: teacher, dataset.train_examples: 200, dataset.test_examples: 50, steps: 6}
blocks: {all: {optimizer: own, seeds: 2}}
scales: {smoke: {common: {steps: 3}}}
"""
IMPORTED = "optimizer,dataset,model,lr,wd,seed,acc\nadam,d,m,0.1,0,0,0.9\nsgd,d,m,0.1,0,0,0.8\n"


@pytest.mark.parametrize(
    ("arguments", "study"),
    [
        pytest.param(["study", "mine", "--config-dir", "my own"], "mine", marks=pytest.mark.slow),
        pytest.param(
            *(["study", "mine", "-cd", "my own", "--scale", "smoke", "wd=0.1"], "mine-smoke"),
            marks=pytest.mark.slow,
        ),
        (["sweep", *FAST, "optimizer=own", "seeds=2", "--config-dir=my own"], "s"),
        pytest.param(
            *(["run", *FAST, "optimizer=own", "--config-dir", "my own"], "s"),
            marks=pytest.mark.slow,
        ),
        (["import-csv", "other runs.csv", "--study", "s", "--map", "test_accuracy=acc"], "s"),
    ],
)
def test_commands_reproduce_the_study(arguments, study, results, tmp_path, quick_reports, capsys):
    for folder, name, text in (
        ("study", "mine", USER_STUDY),
        ("optimizer", "own", "defaults: [sgd]"),
    ):
        (tmp_path / "my own" / folder).mkdir(parents=True)
        (tmp_path / "my own" / folder / f"{name}.yaml").write_text(text)
    (tmp_path / "other runs.csv").write_text(IMPORTED)
    assert main(arguments) == 0
    recorded, reported = commands(compute_answer([results / study]))
    assert reported == f"adamcmp report {study}"
    trained = sorted((results / study / "runs").iterdir())
    adamcmp_, *argv = shlex.split(recorded)
    assert adamcmp_ == "adamcmp" and main(argv) == 0, capsys.readouterr().err
    assert [path.name for path in results.iterdir()] == [study]
    if arguments[0] != "import-csv":  # an import writes its rows again
        assert sorted((results / study / "runs").iterdir()) == trained


def test_commands_of_a_study_without_flags(results, quick_reports):
    adamcmp.run(FAST)
    file = results / "s" / "study.yaml"
    metadata = yaml.safe_load(file.read_text())
    assert metadata["asked"][0].pop("flags") == []
    file.write_text(yaml.safe_dump(metadata))
    assert commands(compute_answer([results / "s"]))[0] == shlex.join(["adamcmp", "sweep", *FAST])
