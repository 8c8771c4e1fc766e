"""The contents of a report."""

import dataclasses

import pandas as pd
import pytest
import yaml

from adamcmp import analysis
from adamcmp.analysis.measures.properties import PROPERTIES
from adamcmp.cli.report import print_report
from adamcmp.errors import ConfigError, NotFound, StoreError
from adamcmp.reporting import compute_answer, record_looks, report
from adamcmp.workflows.compare import compare_study
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


def request_runs(study, count):
    """Change how many runs the last command of a study requested."""
    metadata = study / "study.yaml"
    content = yaml.safe_load(metadata.read_text())
    content["asked"][-1]["runs"] = count
    metadata.write_text(yaml.safe_dump(content))


def test_runs_that_a_command_requested_and_that_are_missing(study):
    request_runs(study, 15)
    answer = record_looks(compute_answer([study]))
    finding = answer.findings[0]
    assert finding.kind == "missing" and finding.text.startswith("3 of the 15 requested runs")
    assert "Nothing is claimed before the 3 missing runs" in answer.verdicts[0].overall
    assert not (study / "looks").exists()
    assert all(f.kind != "missing" for f in compute_answer([study], ["lr=0.1"]).findings)
    (study / "study.yaml").write_text("{")
    with pytest.raises(StoreError, match=r"study\.yaml is damaged"):
        compute_answer([study])


class TestProperties:
    """The paragraph on sensitivity, tuning, speed and overfitting."""

    @pytest.fixture(autouse=True)
    def overfitting(self, quick_reports, monkeypatch):
        row = {"problem": "cifar10, resnet18", "property": "overfitting", "metric": "gap_error"}
        row |= {"condition": 0.1, "optimizer": "adamw", "over": "sgd", "value": 0.1, "n": 6}
        row |= {"estimate": 0.02, "ci_low": 0.01, "ci_high": 0.03, "covers": "seeds"}
        rows = pd.DataFrame([{**row, "p_adjusted": 0.03}])
        measure = dataclasses.replace(PROPERTIES, compute=lambda table: rows)
        monkeypatch.setattr(analysis, "MEASURES", (*analysis.MEASURES, measure))

    def test_it_is_on_the_page_and_in_the_terminal(self, study, capsys):
        (verdict,) = compute_answer([study]).verdicts
        assert verdict.properties.startswith("At a training loss of 0.1, AdamW overfits less than")
        written = report([study])
        page = written.files[0].read_text(encoding="utf-8")
        assert verdict.properties.replace(" %", "\u00a0%") in page
        print_report(written)
        assert verdict.properties in " ".join(capsys.readouterr().out.split())

    def test_nothing_is_claimed_while_runs_are_missing(self, study):
        request_runs(study, 15)
        assert compute_answer([study]).verdicts[0].properties == ""

    def test_a_later_look_has_a_stricter_level(self, study):
        record_looks(compute_answer([study], ["seed<2"]))
        (verdict,) = compute_answer([study]).verdicts
        assert verdict.rows[0]["looks"] == 2
        assert verdict.properties == (
            "No difference in overfitting at equal training loss was detected."
        )


def test_a_study_without_completed_runs(results):
    header = BASE.replace("\n", ",status\n")
    rows = "".join(f"a,1,0,{seed},nan,nan,diverged\n" for seed in (0, 1))
    diverged = imported_study(results / "d", header + rows)
    with pytest.raises(NotFound, match=r"'d' has no completed run \(2 diverged\)\."):
        compute_answer([diverged])


class TestLooks:
    def rows(self, seeds):
        errors = {"adamw": 0.2, "sgd": 0.21}
        return "".join(
            f"{optimizer},0.1,0,{seed},{error},{error + 0.01 * ((seed * len(optimizer)) % 3)}\n"
            for optimizer, error in errors.items()
            for seed in seeds
        )

    def test_each_report_with_other_seeds_is_a_look(self, results):
        levels = []
        for seeds in (5, 5, 10, 10, 20):
            study = imported_study(results / "s", BASE + self.rows(range(seeds)))
            answer = record_looks(compute_answer([study]))
            row = answer.verdicts[0].rows[0]
            levels.append((row["looks"], round(row["level"], 4)))
            assert all(finding.kind != "looks" for finding in answer.findings)
        assert levels == [(1, 0.05), (1, 0.05), (2, 0.0108), (2, 0.0108), (3, 0.0046)]
        # Reading the contents of a report is no look, but showing it is.
        assert len(list((study / "looks").iterdir())) == 3

    def test_a_report_and_a_comparison_look_at_the_same(self, results):
        study = imported_study(results / "s", BASE + self.rows(range(5)))
        (row,) = compare_study(study, ["optimizer=sgd"], ["optimizer=adamw"])
        assert row["looks"] == 1
        imported_study(results / "s", BASE + self.rows(range(10)))
        assert compute_answer([study]).verdicts[0].rows[0]["looks"] == 2

    def test_looks_at_pooled_studies_are_recorded_in_each(self, results):
        studies = [
            imported_study(results / name, BASE + self.rows(range(5)).replace("sgd", other))
            for name, other in (("s", "sgd"), ("t", "lion"))
        ]
        record_looks(compute_answer(studies))
        assert all(len(list((study / "looks").iterdir())) == 1 for study in studies)

    def test_a_study_that_cannot_be_written_is_reported(self, results):
        study = imported_study(results / "s", BASE + self.rows(range(5)))
        (study / "looks").write_text("a file in place of the folder")
        finding = record_looks(compute_answer([study])).findings[0]
        assert (finding.kind, finding.severity, finding.problem) == ("looks", "note", "s")
        assert "cannot be recorded" in finding.text
