"""What a round adds, as text."""

import pytest

from adamcmp.analysis import Edge, RunTable
from adamcmp.workflows.additions import Addition, StoredStudy
from adamcmp.workflows.round_texts import best_settings_now, describe
from adamcmp.workflows.rounds import Need
from tests.support.seeded_runs import at_setting, runs_from

EDGE = Edge("d, m", "adamw", "lr", 0.01, 0.1)


@pytest.fixture
def study(tmp_path):
    runs = runs_from([*at_setting("adamw", [0.2, 0.3]), *at_setting("sgd", [0.2, 0.3])])
    return StoredStudy(tmp_path, RunTable(runs), {})


def test_runs_beyond_edges_and_evaluation_seeds(study):
    assert describe(Need(Addition(edges=(EDGE,)), 1), study) == "1 run beyond lr 0.01 of AdamW"
    seeds = Need(Addition(seeds={"d, m": (3, 4, 5)}), 6)
    assert describe(seeds, study) == "6 runs with the evaluation seeds 3 to 5 of each best setting"


def test_the_best_settings_of_optimizers_whose_grids_were_extended(study):
    assert best_settings_now(Addition(edges=(EDGE,)), study) == (
        "; best setting now AdamW lr 0.1, wd 0"
    )
    assert best_settings_now(Addition(seeds={"d, m": (3,)}), study) == ""
