"""The stages of a study file: grids, candidates and evaluation seeds."""

import pytest

import adamcmp
from adamcmp.analysis import RunTable
from adamcmp.cli import main
from adamcmp.errors import ConfigError
from adamcmp.storage.metadata import requested_runs
from adamcmp.workflows.study_stages import configure_study
from tests.support.studies import STUDY_FILE

CANDIDATES = """\
common: {dataset: teacher, dataset.train_examples: 200, dataset.test_examples: 50, steps: 3,
  eval.every_steps: 3, seeds: 2}
blocks:
  adam: {optimizer: [adam_l2, adamw], lr: [1e-4, 1e-3, 1e-2, 1e-1, 1], wd: [0.1, 0.2]}
  sgd: {optimizer: sgd, lr: 0.1, wd: [0, 1e-3]}
select: {candidates: 5, candidate_seeds: 2, seeds: 4}
"""


@pytest.fixture
def candidates(tmp_path):
    """The path of a study file with candidates for two of its three optimizers."""
    path = tmp_path / "three.yaml"
    path.write_text(CANDIDATES)
    return str(path)


def test_candidates_are_trained_ranked_again_and_evaluated(candidates, results):
    first, second, third = adamcmp.study(candidates, report=False).stages
    assert [len(stage.trained) for stage in (first, second, third)] == [44, 20, 12]
    assert requested_runs(first.folder) == 76
    runs = adamcmp.load("three").runs
    seeds = runs.groupby(["optimizer", "lr", "wd"])["seed"].agg(list).map(sorted)
    # The oracle: the means of pandas, first over the grid's seeds, then also over the candidates'.
    for optimizer in ("adam_l2", "adamw"):
        of_optimizer = runs[runs["optimizer"] == optimizer]
        means = [
            of_optimizer[of_optimizer["seed"] < end].groupby(["optimizer", "lr", "wd"])["val_error"]
            for end in (2, 4)
        ]
        best_of_grid = set(means[0].mean().sort_values(kind="stable").index[:5])
        with_further = {
            setting for setting in seeds[optimizer].index if seeds[optimizer][setting] != [0, 1]
        }
        assert {(optimizer, *setting) for setting in with_further} == best_of_grid
        winner = means[1].mean()[sorted(best_of_grid)].sort_values(kind="stable").index[0]
        assert seeds[winner] == list(range(8))
        assert sum(map(len, seeds[optimizer])) == 20 + 10 + 4
    # Two settings have no candidates; the best one has the same evaluation seeds.
    assert sorted(map(len, seeds["sgd"])) == [2, 6]
    selected = RunTable.from_frames(runs).selected()
    assert selected["fresh"].all() and set(selected["seed"]) == {4, 5, 6, 7}
    again = adamcmp.study(candidates, report=False)
    assert [stage.trained for stage in again.stages] == [(), (), ()]


def test_a_dry_run_plans_all_stages(candidates, results, capsys):
    assert main(["study", candidates, "-n"]) == 0
    out = capsys.readouterr().out
    assert "including 2 new seeds of each candidate" in out
    assert "including 4 new seeds of each best setting" in out and "76 runs" in out
    assert not results.exists()


def test_few_settings_have_no_candidates(candidates, results):
    study = configure_study(candidates, ["wd=0.1"])
    assert [stage.are_candidates for stage in study.later_stages] == [False]
    assert "no optimizer has 10 settings or more" in study.grids.notices[-1]
    assert len(study.all_stages().runs) == 22 + 12


def test_a_wider_grid_that_changes_the_best_setting_is_evaluated(tmp_path, results):
    """The setting that `extend` added is evaluated on the same seeds as the earlier one."""
    path = tmp_path / "wider.yaml"
    path.write_text(STUDY_FILE.replace("[1e-3, 1e-2]", "[1e-4, 1e-3]"))
    adamcmp.study(str(path), report=False)
    adamcmp.extend("wider")
    added = adamcmp.study(str(path), report=False).stages[1].trained
    runs = adamcmp.load("wider").runs
    new = runs[runs["run_id"].isin(list(added))]
    beyond = {("adam_l2", 1e-2), ("adamw", 1e-2)}
    assert set(zip(new["optimizer"], new["lr"], strict=True)) <= beyond
    for _, reported in RunTable.from_frames(runs).selected().groupby("optimizer"):
        assert sorted(reported["seed"]) == [2, 3, 4]


def test_a_column_that_runs_do_not_have(tmp_path):
    path = tmp_path / "misspelled.yaml"
    path.write_text(CANDIDATES.replace("select: {", "select: {by: optimiser, "))
    with pytest.raises(ConfigError, match=r"select.by=optimiser: runs have no such column.*optimi"):
        configure_study(str(path))


def test_the_baseline_is_one_of_the_optimizers(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(f"{STUDY_FILE}baseline: adamw\n")
    assert configure_study(str(path)).baseline == "adamw"
    path.write_text(f"{STUDY_FILE}baseline: adam\n")
    with pytest.raises(ConfigError, match="The baseline 'adam' is not an optimizer of these runs"):
        configure_study(str(path))
