"""The audit collects the findings of its checks."""

from tests.support.audited import audited, study


def test_a_fair_study_has_no_findings():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25})
    assert audited(runs, metrics) == []


def test_warnings_come_first():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.1, 1.0), schedule="constant")
    findings = audited(runs, metrics[metrics["step"] == 100])
    assert [finding.severity for finding in findings] == ["warning", "note"]
