"""Results on the split that settings were selected on."""

from tests.support.audited import audited, study


def test_a_study_without_test_metrics_is_reported_on_validation():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25})
    assert "splits" not in {finding.kind for finding in audited(runs, metrics)}
    no_test = [column for column in runs if column.startswith("test_")]
    without = runs.assign(**dict.fromkeys(no_test, float("nan")))
    (finding,) = (f for f in audited(without, metrics) if f.kind == "splits")
    assert finding.severity == "warning"
    assert finding.text.startswith("Settings are selected and reported on the same split")
