"""Whether the training data vary with the seed."""

import pytest

from tests.support.audited import findings_of, study


@pytest.mark.parametrize(
    ("columns", "is_named"),
    [
        ({"dataset.data_seed": None}, True),
        ({"dataset.data_seed": "3"}, True),
        ({"dataset.data_seed": "seed"}, False),
        ({"dataset.data_seed": None, "torch_version": None}, False),  # imported
    ],
)
def test_one_split_of_the_data_is_named(columns, is_named):
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.1,), **columns)
    findings = findings_of("training_data", runs, metrics)
    assert [(f.severity, f.undermines) for f in findings] == [("note", "")] * is_named
    assert all("data_seed=seed" in finding.text for finding in findings)


@pytest.mark.parametrize(
    ("dataset", "subset", "is_named"),
    [("digits", None, True), ("digits", 100.0, False), ("mnist1d", None, False)],
)
def test_training_sets_that_have_most_examples_in_common_are_named(dataset, subset, is_named):
    columns = {"dataset.subset": subset, "dataset.validation": 0.1}
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.1,), **columns)
    findings = findings_of("training_data", runs.assign(dataset=dataset), metrics)
    assert len(findings) == is_named
    assert all("two seeds have 90 % of their examples" in finding.text for finding in findings)


def test_a_single_optimizer_has_no_comparison():
    runs, metrics = study({"adamw": 0.25}, lrs=(0.1,), **{"dataset.data_seed": None})
    assert findings_of("training_data", runs, metrics) == []
