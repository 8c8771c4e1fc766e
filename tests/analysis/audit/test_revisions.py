"""Runs that were computed by an earlier revision of a component or engine."""

import pandas as pd
import pytest

from adamcmp.analysis import RunTable
from adamcmp.analysis.audit.revisions import check
from adamcmp.components.engines import ENGINE_REVISIONS, LAST_CORRECTIONS
from adamcmp.components.groups import COMPONENT_GROUPS

RUNS = pd.DataFrame(
    {
        "run_id": ["a", "b", "c"], "dataset": "mnist1d", "model": "mlp", "optimizer": ["adamw", "adamw", "sgd"],
        "rule": ["adam", "adam", "sgd"], "schedule": "constant", "loss": "cross_entropy", "engine": "eager",
        "lr": 0.1, "wd": 0.1, "seed": [0, 1, 0], "status": "done", "torch_version": "2",
    }
)  # fmt: skip


@pytest.fixture
def revised(monkeypatch):
    monkeypatch.setattr(COMPONENT_GROUPS["optimizer"].component("adam"), "revision", 1)


def texts(runs):
    return [finding.text for finding in check(RunTable.from_frames(runs))]


def test_runs_of_current_revisions_have_no_finding():
    columns = {f"{group}.revision": 0 for group in (*COMPONENT_GROUPS, "engine")}
    assert texts(RUNS) == texts(RUNS.assign(**columns)) == []


@pytest.mark.parametrize(
    "stored",
    [{}, {"optimizer.revision": [0, 0, 0]}, {"optimizer.revision": pd.array([pd.NA] * 3, "Int64")}],
)
def test_a_missing_revision_is_revision_0(revised, stored):
    (text,) = texts(RUNS.assign(**stored))
    assert text.startswith(
        "2 of 2 runs of AdamW were computed by an earlier revision of their optimizer;"
    )


def test_runs_before_and_after_a_fix_are_one_problem_and_one_setting(revised):
    runs = RUNS.assign(**{"optimizer.revision": [0, 1, 0]})
    (text,) = texts(runs)
    assert text.startswith("1 of 2 runs of AdamW")
    table = RunTable.from_frames(runs)
    assert len(table.problems) == 1 and table.setting_columns == ["lr", "wd"]


def test_engines_have_revisions(monkeypatch):
    monkeypatch.setitem(ENGINE_REVISIONS, "eager", 2)
    assert len(texts(RUNS.assign(**{"engine.revision": 1}))) == 2
    assert texts(RUNS.assign(**{"engine.revision": 2})) == []


def test_runs_that_differ_in_rounding_only_are_comparable(monkeypatch):
    monkeypatch.setitem(ENGINE_REVISIONS, "eager", 2)
    monkeypatch.setitem(LAST_CORRECTIONS, "eager", 1)
    adam = COMPONENT_GROUPS["optimizer"].component("adam")
    monkeypatch.setattr(adam, "revision", 3)
    monkeypatch.setattr(adam, "last_correction", 2)
    assert texts(RUNS.assign(**{"engine.revision": 1, "optimizer.revision": 2})) == []
    assert len(texts(RUNS.assign(**{"engine.revision": 0, "optimizer.revision": 2}))) == 2
    (text,) = texts(RUNS.assign(**{"engine.revision": 1, "optimizer.revision": 1}))
    assert "revision of their optimizer" in text


@pytest.mark.parametrize("dataset", ["csv", "npz"])
def test_users_files_that_were_read_by_an_earlier_revision(dataset):
    """Constant columns, columns without a name and test sets were read in another way."""
    runs = RUNS.assign(dataset=dataset)
    assert all("earlier revision of their dataset" in text for text in texts(runs))
    assert len(texts(runs)) == 2 and not texts(runs.assign(**{"dataset.revision": 1}))


def test_imported_runs_have_none(revised):
    assert texts(RUNS.assign(torch_version=None)) == []
    unknown = RUNS.assign(rule="of another program", dataset="of another program")
    assert texts(unknown) == []


@pytest.mark.parametrize(
    ("target", "wd", "severity"),
    [
        ("torch.optim.AdamW", 0.0, "warning"),
        ("torch.optim.AdamW", 0.1, None),
        ("torch.optim.RAdam", 0.0, None),
        ("mine.AdamW", 0.0, "note"),
        ("mine.AdamW", 0.1, None),
    ],
)
def test_only_runs_of_a_torch_class_that_the_fix_concerns_are_named(target, wd, severity):
    """The weight decay 0 of a torch class was not passed to its constructor."""
    columns = {"optimizer.target": target, "optimizer.weight_decay": wd, "optimizer.revision": 0}
    runs = RUNS.assign(rule="torch", optimizer="torch", **columns)
    findings = list(check(RunTable.from_frames(runs)))
    assert [finding.severity for finding in findings] == ([severity] if severity else [])
    assert all(finding.text.startswith("3 of 3 runs") for finding in findings)
    assert not texts(runs.assign(**{"optimizer.revision": 1}))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"model": "custom"}, True),
        ({"model": "torchvision", "model.arch": "resnet18"}, False),
        ({"model": "torchvision", "model.arch": "googlenet"}, True),
        (
            {
                "model": "torchvision",
                "model.arch": "googlenet",
                "model.arguments": '{"aux_logits": false}',
            },
            False,
        ),
    ],
)
def test_runs_of_networks_that_a_fix_may_concern_have_a_note(settings, named):
    """Parameters without gradient decayed, and assigned buffers were lost."""
    runs = RUNS.assign(**settings)
    findings = list(check(RunTable.from_frames(runs)))
    assert [finding.severity for finding in findings] == ["note"] * 2 * named
    assert not texts(runs.assign(**{"model.revision": 1}))
