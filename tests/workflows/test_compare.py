"""Two sets of runs of a stored study."""

import pytest

from adamcmp import analysis
from adamcmp.errors import ConfigError
from adamcmp.storage import reader
from adamcmp.workflows.compare import compare_study
from tests.support.imports import imported_study

HEADER = "optimizer,lr,wd,seed,batch_size,val_error,test_error\n"
CONTENT = HEADER + "".join(
    f"{optimizer},0.1,0,{seed},{batch},{error},{error + 0.01 * seed}\n"
    for optimizer, error in (("adamw", 0.2), ("sgd", 0.3))
    for batch in (8, 16)
    for seed in range(3)
)


@pytest.fixture
def study(results):
    return imported_study(results / "s", CONTENT)


def test_the_comparison_is_that_of_the_runs(study):
    (row,) = compare_study(study, ["optimizer=adamw"], ["optimizer=sgd"], filters=["batch_size=8"])
    runs = reader.load(study)[0]
    runs = runs[runs["batch_size"] == 8]
    expected = analysis.compare(runs, ["optimizer=adamw"], ["optimizer=sgd"])
    assert row["estimate"] == expected["estimate"].item() == pytest.approx(-0.1)
    assert (row["n"], row["verdict"]) == (3, expected["verdict"].item())


@pytest.mark.parametrize(
    ("a", "filters", "metric", "message"),
    [
        ("optimizer=adam", (), None, "No run has optimizer=adam: optimizer holds adamw, sgd. Did"),
        (
            "optimizer=adamw",
            ["batch_size=7"],
            None,
            "No run has batch_size=7: batch_size holds 8, 16.",
        ),
        ("optimizer=adamw", (), "tst_error", "Did you mean 'test_error'?"),
    ],
)
def test_conditions_that_no_run_meets(a, filters, metric, message, study):
    with pytest.raises(ConfigError) as error:
        compare_study(study, [a], ["optimizer=sgd"], metric, filters)
    assert message in str(error.value)


def test_a_study_without_runs(study):
    for part in (*(study / "runs").iterdir(), *(study / "metrics").iterdir()):
        part.unlink()
    with pytest.raises(ConfigError, match="Study 's' has no runs yet"):
        compare_study(study, ["optimizer=adamw"], ["optimizer=sgd"])


def test_a_look_that_cannot_be_recorded_is_said(study):
    (study / "looks").write_text("a file in place of the folder")
    notices = []
    arms = (["optimizer=adamw", "batch_size=8"], ["optimizer=sgd", "batch_size=8"])
    compare_study(study, *arms, on_notice=notices.append)
    assert "cannot be recorded" in notices[0]
