"""The best settings of hand-made runs, with further seeds."""

from dataclasses import replace

from adamcmp.analysis import RunTable
from adamcmp.config import Composer
from adamcmp.workflows.best_settings import runs_of_best_settings, with_seed
from tests.support.seeded_runs import at_setting, runs_from


def test_the_best_settings_get_further_seeds():
    rows = [
        row
        for lr, val in ((0.1, 0.3), (0.2, 0.1), (0.3, 0.2))
        for row in at_setting("sgd", [0.2, 0.3], lr=lr, val=val)
    ]
    runs = runs_from(rows)
    (config,) = Composer().run(["dataset=teacher", "optimizer=sgd"]).runs
    configs = {
        run_id: replace(config, optimizer=config.optimizer.model_copy(update={"lr": lr}))
        for run_id, lr in zip(runs["run_id"], runs["lr"], strict=True)
    }
    best = runs_of_best_settings(
        RunTable(runs).ranked(), configs, "optimizer", lambda tried: tried - 1, [5, 6]
    )
    assert [(run.optimizer.lr, run.protocol.seed) for run in best] == [
        *((0.2, seed) for seed in (5, 6)),
        *((0.3, seed) for seed in (5, 6)),
    ]


def test_with_seed_changes_nothing_else():
    (config,) = Composer().run(["dataset=teacher", "optimizer=sgd", "seed=1"]).runs
    changed = with_seed(config, 4)
    assert changed.protocol.seed == 4 and with_seed(changed, 1) == config
