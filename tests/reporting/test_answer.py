"""The contents of a report."""

import dataclasses

import pytest
import yaml

from adamcmp import analysis
from adamcmp.errors import ConfigError, NotFound, StoreError
from adamcmp.reporting import compute_answer
from tests.support.imports import BASE, imported_study

ROWS = "".join(
    f"{optimizer},{lr},0,{seed},{error + lr / 10},{error + lr / 10 + 0.01 * seed}\n"
    for optimizer, error in (("adamw", 0.2), ("sgd", 0.3))
    for lr in (0.1, 0.5)
    for seed in range(3)
)


pytestmark = pytest.mark.usefixtures("quick_reports")


@pytest.fixture
def study(results):
    return imported_study(results / "s", BASE + ROWS)


def test_statistics_are_those_of_the_analysis(study):
    answer = compute_answer([study])
    assert [table.name for table in answer.tables] == [m.name for m in analysis.MEASURES]
    summary, selected = answer.summary.data, answer.table.summary
    assert summary["test_error"].tolist() == selected["test_error"].tolist()
    assert answer.name == "s" and answer.counts == {"done": 12} and len(answer.runs) == 12
    (verdict,) = answer.verdicts
    assert verdict.problem == "cifar10, resnet18" and answer.no_verdict_reason == ""
    assert len(answer.comparisons.data) == 1 and len(answer.budgets.data) == 2


def test_a_statistic_that_fails_is_a_finding(study, monkeypatch):
    def fails(table):
        raise KeyError("x")

    broken = dataclasses.replace(analysis.MEASURES[2], compute=fails)
    monkeypatch.setattr(analysis, "MEASURES", (*analysis.MEASURES[:2], broken))
    answer = compute_answer([study])
    finding = answer.findings[0]
    assert answer.failed and (finding.kind, finding.severity) == ("failure", "warning")
    assert f"lacks {broken.name} because of an error" in finding.text
    assert "KeyError: 'x'" in finding.text


def test_only_runs_that_meet_the_filters_count(study):
    answer = compute_answer([study], ["optimizer=adamw", "lr=0.1"])
    assert len(answer.runs) == 3 and answer.filters == ("optimizer=adamw", "lr=0.1")
    assert not answer.verdicts
    assert answer.no_verdict_reason.startswith("No comparison of optimizers. It needs two")
    with pytest.raises(NotFound, match="No run"):
        compute_answer([study], ["lr=7"])
    with pytest.raises(ConfigError, match="Did you mean 'lr'"):
        compute_answer([study], ["lrr=7"])


def test_studies_are_pooled(study, results):
    other = imported_study(results / "t", BASE + ROWS.replace("sgd", "lion"))
    answer = compute_answer([study, other])
    assert answer.name == "s + t" and len(answer.runs) == 24


def test_runs_that_a_command_requested_and_that_are_missing(study):
    metadata = study / "study.yaml"
    content = yaml.safe_load(metadata.read_text())
    content["asked"][-1]["runs"] = 15
    metadata.write_text(yaml.safe_dump(content))
    finding = compute_answer([study]).findings[0]
    assert finding.kind == "missing" and finding.text.startswith("3 of the 15 requested runs")
    assert all(f.kind != "missing" for f in compute_answer([study], ["lr=0.1"]).findings)
    metadata.write_text("{")
    with pytest.raises(StoreError, match=r"study\.yaml is damaged"):
        compute_answer([study])


def test_a_study_without_completed_runs(results):
    header = BASE.replace("\n", ",status\n")
    rows = "".join(f"a,1,0,{seed},nan,nan,diverged\n" for seed in (0, 1))
    diverged = imported_study(results / "d", header + rows)
    with pytest.raises(NotFound, match=r"'d' has no completed run \(2 diverged\)\."):
        compute_answer([diverged])
