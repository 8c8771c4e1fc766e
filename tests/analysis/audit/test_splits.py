"""Results on the split that settings were selected on."""

from tests.support.audited import findings_of, study


def test_a_study_without_test_metrics_is_reported_on_validation():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25})
    assert findings_of("splits", runs, metrics) == []
    no_test = [column for column in runs if column.startswith("test_")]
    without = runs.assign(**dict.fromkeys(no_test, float("nan")))
    (finding,) = findings_of("splits", without, metrics)
    assert finding.severity == "warning"
    assert finding.text.startswith("Settings are selected and reported on the same split")
