"""``adamcmp settle``: rounds of runs until the audit asks for none."""

import itertools
import signal
from contextlib import contextmanager

import pandas as pd
import pytest

import adamcmp
from adamcmp.analysis import RunTable, edges
from adamcmp.errors import ConfigError, Interrupted, RunInProgress
from adamcmp.execution import scheduler
from adamcmp.execution.observer import Observer
from adamcmp.storage.looks import look_record
from adamcmp.storage.metadata import requested_runs
from adamcmp.workflows.settle import configure_settling, settle
from adamcmp.workflows.training import TrainingOptions
from tests.support.imports import imported_study
from tests.support.studies import SMALL, THREE_STEPS
from tests.support.training_elsewhere import training_elsewhere

#: The best lr of AdamW is beyond its grid. That of SGD is not, since nothing within it learns.
#: Trained one run at a time, so that an interruption after a group leaves others to train.
NARROW = [
    *SMALL, "steps=10", "eval.every_steps=10", "optimizer=sgd,adamw", "lr=1e-4,1e-3", "seeds=2",
    "engine=eager",
]  # fmt: skip
GRID = [*NARROW, "wd=0.1,1", "workers=0"]
#: Also the best wd of AdamW is beyond its grid, and both meet in a corner.
CORNER = [*NARROW, "steps=20", "wd=0.1,3", "workers=0"]


def table_of(study, root=None):
    return RunTable.from_frames(adamcmp.load(study, root).runs)


def reported_seeds(study, root=None):
    groups = table_of(study, root).selected().groupby("optimizer")
    return {name: sorted(runs["seed"]) for name, runs in groups}


def settings_and_seeds(study, root=None):
    runs = adamcmp.load(study, root).runs
    return sorted(runs[["optimizer", "lr", "wd", "seed"]].itertuples(index=False, name=None))


def stopped_after(groups):
    """Return options with which a signal arrives once some groups of runs have ended.

    If no run of the round is left then, it arrives in the next round.
    """
    ended = []

    def on_finished(group, outcome):
        ended.append(group)
        if len(ended) >= groups:
            signal.raise_signal(signal.SIGTERM)

    @contextmanager
    def display(combinations, batches):
        yield Observer(on_finished=on_finished)

    return TrainingOptions(display=display)


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """Return the results folder, and the result of settling its study ``e`` of `GRID`."""
    root = str(tmp_path_factory.mktemp("settled"))
    adamcmp.sweep([*GRID, f"results={root}", "study=e"])
    assert edges(table_of("e", root))
    return root, adamcmp.settle("e", ["workers=0"], budget=100, results=root, report=False)


def test_a_narrow_grid_is_settled(settled, quick_reports):
    """Its grid is extended, then both optimizers are evaluated on the same new seeds."""
    root, result = settled
    table, seeds = table_of("e", root), reported_seeds("e", root)
    assert result.settled and result.trained == len(table.runs) - 16
    assert result.rounds[0] == (
        "4 runs beyond lr 0.001 of AdamW; best setting now AdamW lr 0.01, wd 0.1"
    )
    assert result.rounds[-1] == "20 runs with the evaluation seeds 2 to 11 of each best setting"
    assert not edges(table) and table.selected()["fresh"].all()
    assert table.runs.groupby("optimizer")["lr"].nunique().tolist() == [4, 4]
    assert seeds["adamw"] == seeds["sgd"] == list(range(2, 12))
    again = adamcmp.settle("e", results=root)
    assert (again.trained, again.rounds, again.settled) == (0, (), True)
    (verdict,) = again.report.answer.verdicts
    assert not verdict.overall.startswith("Provisional")
    assert verdict.rows[0]["paired"] and verdict.rows[0]["better"]
    assert verdict.rows[0]["looks"] == 1  # nothing was looked at before


@pytest.fixture
def stored_at_once(monkeypatch):
    """Store the runs of each group when it has ended."""
    monkeypatch.setattr(scheduler, "FLUSH_SECONDS", 0)


@pytest.mark.slow
def test_an_interrupted_round_is_completed(settled, results, stored_at_once):
    """The study has the runs of one that was not interrupted."""
    adamcmp.sweep([*GRID, "study=e"])
    with pytest.raises(Interrupted):
        settle(configure_settling(results, "e", 100), stopped_after(1), report=False)
    assert requested_runs(results / "e") == 20 and len(adamcmp.load("e").runs) < 20
    result = adamcmp.settle("e", budget=100, report=False)
    assert result.settled and result.rounds[1:] == settled[1].rounds[1:]
    assert settings_and_seeds("e") == settings_and_seeds("e", settled[0])


@pytest.mark.slow
def test_rounds_are_interrupted_anywhere(results, stored_at_once):
    adamcmp.sweep([*CORNER, "study=e"])
    assert adamcmp.settle("e", budget=200, report=False).settled
    adamcmp.sweep([*CORNER, "study=f"])
    interruptions = []
    settling = configure_settling(results, "f", 200)
    for groups in itertools.cycle((1, 2, 6, 3, 5, 9, 4)):
        try:
            assert settle(settling, stopped_after(groups), report=False).settled
            break
        except Interrupted:
            interruptions.append(len(adamcmp.load("f").runs))
            assert requested_runs(results / "f") > interruptions[-1]
    assert len(interruptions) > 7
    assert settings_and_seeds("f") == settings_and_seeds("e")
    assert requested_runs(results / "f") == len(adamcmp.load("f").runs)


def test_a_round_that_does_not_fit_into_the_budget_is_not_trained():
    adamcmp.sweep([*GRID, "study=e"])
    result = adamcmp.settle("e", budget=3, report=False)
    assert not result.settled and result.trained == 0 and len(adamcmp.load("e").runs) == 16
    assert result.remaining == "4 runs beyond lr 0.001 of AdamW"


def test_a_best_setting_that_extend_moved_is_evaluated_like_the_others():
    """Its seeds are those that the other optimizer has, so that the comparison is paired."""
    adamcmp.sweep([*NARROW, "wd=0.1", "study=e"])
    # As many settings as AdamW will have.
    adamcmp.sweep([*NARROW, "wd=0.1", "study=e", "optimizer=sgd", "lr=1e-6,1e-5,1e-4,1e-3"])
    adamcmp.extend("e", ["seeds=5"])
    adamcmp.extend("e")
    seeds = reported_seeds("e")
    assert seeds == {"sgd": [2, 3, 4, 5, 6], "adamw": [0, 1]}
    result = adamcmp.settle("e", budget=100, report=False)
    assert result.rounds[-1] == "5 runs with the evaluation seeds 2 to 6 of each best setting"
    seeds = reported_seeds("e")
    assert seeds["adamw"] == seeds["sgd"] == [2, 3, 4, 5, 6] and not edges(table_of("e"))


def test_seeds_are_added_after_a_look(results):
    """Single settings that hardly differ: the look at their seeds is recorded."""
    overrides = [*THREE_STEPS, "optimizer=adam_l2,adamw", "lr=1e-3", "wd=0.5", "seeds=5"]
    adamcmp.sweep([*overrides, "study=e"])
    result = adamcmp.settle("e", budget=40, report=False)
    assert result.trained <= 40
    looks = look_record([results / "e"], [len(adamcmp.load("e").runs)]).looks
    assert [look.n for look in looks][:1] == [5] and len({look.n for look in looks}) == len(looks)
    seeds = reported_seeds("e")
    assert seeds["adamw"] == seeds["adam_l2"] == list(range(len(seeds["adamw"])))


def test_a_search_gets_evaluation_seeds_only():
    search = ["lr=tag(log,interval(1e-4,1e-1))", "optimizer=adamw,sgd", "sampler=sobol", "n=4"]
    adamcmp.search([*THREE_STEPS, *search, "seeds=1", "study=e"])
    result = adamcmp.settle("e", budget=20, report=False)
    assert result.rounds[0].startswith("20 runs with the evaluation seeds 1 to 10")


def test_missing_runs_of_another_command(results):
    adamcmp.sweep([*THREE_STEPS, "optimizer=sgd,adamw", "lr=0.1", "seeds=2", "study=e"])
    text = (results / "e" / "study.yaml").read_text()
    (results / "e" / "study.yaml").write_text(text.replace("study_runs: 4", "study_runs: 6"))
    with pytest.raises(ConfigError, match="2 requested runs of study 'e' are missing"):
        adamcmp.settle("e")
    with (
        training_elsewhere(results / "e"),
        pytest.raises(RunInProgress, match="and process"),
    ):
        adamcmp.settle("e")


def test_invalid_requests(results):
    imported_study(results / "theirs")
    with pytest.raises(ConfigError, match="holds runs imported from"):
        adamcmp.settle("theirs")
    with pytest.raises(ConfigError, match=r"lr=1: `adamcmp settle` keeps the study's settings"):
        adamcmp.settle("theirs", ["lr=1"])
    with pytest.raises(ConfigError, match="A budget of 0 runs should be at least 1"):
        adamcmp.settle("theirs", budget=0)


@pytest.mark.slow
def test_candidates_are_ranked_again_before_one_is_evaluated(tmp_path, results):
    """Settings beyond the grid get candidate seeds first."""
    path = tmp_path / "candidates.yaml"
    path.write_text(
        "common: {dataset: teacher, dataset.train_examples: 200, dataset.test_examples: 50,"
        " steps: 10, eval.every_steps: 10, seeds: 2}\n"
        "blocks: {adamw: {optimizer: adamw, lr: [1e-6, 1e-5, 1e-4, 1e-3, 1e-2], wd: [0.1, 0.2]}}\n"
        "select: {candidates: 5, candidate_seeds: 2, seeds: 4}\n"
    )
    adamcmp.study(str(path), report=False)
    earlier = table_of("candidates").selected()
    result = adamcmp.settle("candidates", budget=100, report=False)
    assert result.settled and "with the candidate seeds of 7 more settings" in result.rounds[1]
    table = table_of("candidates")
    assert not edges(table) and table.selected()["fresh"].all()
    evaluated = table.runs[table.runs["seed"] > 3]
    best = pd.concat([earlier, table.selected()])
    assert set(evaluated["lr"]) == set(best["lr"]) and set(evaluated["wd"]) == set(best["wd"])
