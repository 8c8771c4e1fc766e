"""``adamcmp study``: two stages and a report."""

import json

import pytest
import yaml

import adamcmp
from adamcmp.cli import main
from adamcmp.storage.metadata import METADATA_FILE, requested_runs
from tests.support.studies import STUDY_FILE


@pytest.fixture
def study(tmp_path, capsys):
    """Write the study file ``own``; return a function that trains it with some options."""
    folder = tmp_path / "mine" / "study"
    folder.mkdir(parents=True)
    scales = "scales: {less: {common: {seeds: 1}, blocks: {sgd: {wd: 0}}, select: {seeds: 2}}}\n"
    (folder / "own.yaml").write_text(STUDY_FILE + scales)

    def run(*arguments):
        assert main(["study", "own", "--config-dir", "mine", *arguments]) == 0
        return capsys.readouterr().out

    return run


def test_two_stages(study, results, quick_reports):
    first, second = map(json.loads, study("--json").splitlines())
    assert (first["runs"], first["trained"]) == (14, 14)
    assert (second["runs"], second["trained"]) == (9, 9)
    runs = adamcmp.load("own").runs
    new = runs[runs["seed"] > 1]
    assert sorted(new["seed"].unique()) == [2, 3, 4]
    # The oracle: the lowest mean validation error, computed with pandas.
    first_stage = runs[runs["seed"] < 2]
    means = first_stage.groupby(["optimizer", "lr", "wd"])["val_error"].mean()
    for optimizer, group in new.groupby("optimizer"):
        ((lr, wd),) = group[["lr", "wd"]].drop_duplicates().itertuples(index=False)
        assert means[optimizer, lr, wd] == means[optimizer].min()
    # With --json the report is written, but not printed.
    page = results / "own" / "report" / "index.html"
    page.unlink()
    out = study()
    assert "14 runs (0 newly trained)" in out and "9 runs (0 newly trained)" in out
    assert f"page: {page}" in out and "audit, warning: " in out and page.exists()


def test_a_study_records_the_runs_of_both_stages_before_the_first(study, results, quick_reports):
    study()
    path = results / "own" / METADATA_FILE
    metadata = yaml.safe_load(path.read_text())
    assert [command["study_runs"] for command in metadata["asked"]] == [23, 23]
    metadata["asked"][-1]["study_runs"] = 24  # a stage that now selects fewer settings
    path.write_text(yaml.safe_dump(metadata))
    assert requested_runs(results / "own") == 24
    study()
    assert requested_runs(results / "own") == 23


def test_a_dry_run_plans_both_stages(study, results):
    """Before the winners are known: two new seeds for one setting of each of three optimizers."""
    planned = json.loads(study("--scale", "less", "-n", "--json"))
    assert (planned["study"], planned["runs"], planned["left"]) == ("own-less", 11, 11)
    assert "including 2 new seeds of each best setting" in study("--scale", "less", "-n")
    assert not results.exists()


def test_the_report_is_against_the_baseline_of_the_file(tmp_path, quick_reports):
    (tmp_path / "own.yaml").write_text(
        "common: {dataset: teacher, model: logistic, steps: 2, seeds: 2, wd: 0}\n"
        "blocks: {all: {optimizer: [adam, sgd, lion]}}\nbaseline: lion\n"
    )
    answer = adamcmp.study(str(tmp_path / "own.yaml")).report.answer
    assert {row["a"] for row in answer.verdicts[0].rows} == {"lion"}
    assert {row["b"] for row in answer.verdicts[0].rows} == {"adam", "sgd"}
