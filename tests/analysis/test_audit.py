"""The audit collects the findings of its checks."""

from tests.support.audited import audited, study


def test_a_fair_study_has_no_warnings():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25})
    # Only the note that the outcomes on single test examples are unknown.
    assert [finding.kind for finding in audited(runs, metrics)] == ["samples"]


def test_warnings_come_first():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.1, 1.0), schedule="constant")
    findings = audited(runs, metrics[metrics["step"] == 100])
    assert [finding.severity for finding in findings] == ["warning", "note", "note"]
