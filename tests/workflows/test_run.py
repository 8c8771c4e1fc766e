"""Training one run, or reading it."""

import pytest

from adamcmp.config import Composer
from adamcmp.errors import ConfigError, RunFailed
from adamcmp.workflows.run import configure_run, first_sweeps, run
from adamcmp.workflows.training import TrainingOptions
from tests.support.studies import THREE_STEPS
from tests.support.training import crashing


def test_a_stored_run_is_read(results):
    config = configure_run([*THREE_STEPS, "study=s", "seed=3"])
    first, again = run(config), run(config)
    assert first.trained and not again.trained
    assert first.row == again.row and first.folder == results / "s"
    assert (first.row["status"], first.row["seed"]) == ("done", 3)


def test_a_crash_is_stored_and_raised():
    config = configure_run([*THREE_STEPS, "study=s"])
    with (
        crashing(lambda run: True),
        pytest.raises(RunFailed, match=r"The run crashed: ValueError: no luck \(`adamcmp show"),
    ):
        run(config)
    with pytest.raises(RunFailed, match="no luck"):  # it is read
        run(config)
    assert run(config, TrainingOptions(retry_failed=True)).row["status"] == "done"


def test_several_runs_are_rejected():
    with pytest.raises(ConfigError, match="`run` trains one run"):
        configure_run(["seed=0,1"])


class TestFirstSweeps:
    def sweeps(self, *overrides, config_dir=None):
        """Return the configurations of the proposed sweeps of a run."""
        config = configure_run(overrides, config_dir)
        studies = []
        for sweep in first_sweeps(config, config_dir):
            studies.append(Composer(config_dir).sweep(sweep.overrides))
            assert len(studies[-1].runs) == sweep.runs
        return studies

    @pytest.mark.parametrize(
        ("optimizer", "pair"),
        [
            ("adam", {"adam_l2", "adamw"}),
            ("sgdw", {"sgd", "sgdw"}),
            ("amsgrad", {"amsgrad", "amsgradw"}),
        ],
    )
    def test_a_built_in_optimizer_and_its_counterpart(self, optimizer, pair):
        (study,) = self.sweeps(f"optimizer={optimizer}", "lr=0.02")
        assert {run.optimizer.name for run in study.runs} == pair
        assert 0.02 in {run.optimizer.lr for run in study.runs}

    def test_a_class_of_torch_and_adamw_with_a_grid_each(self):
        target = "optimizer.target=torch.optim.RAdam"
        adamw, own = self.sweeps("optimizer=torch", target, "+optimizer.eps=1e-6", "lr=1", "wd=0.1")
        assert {run.optimizer.name for run in adamw.runs} == {"adamw"}
        assert {run.optimizer.target for run in own.runs} == {"torch.optim.RAdam"}
        assert {run.optimizer.model_extra["eps"] for run in own.runs} == {1e-6}
        rates = [{run.optimizer.lr for run in study.runs} for study in (adamw, own)]
        assert 0.01 in rates[0] and 1.0 in rates[1] and not rates[0] & rates[1]
        assert len(adamw.runs) == len(own.runs) and adamw.location == own.location

    def test_a_class_without_weight_decay(self):
        _, own = self.sweeps("optimizer=torch", "optimizer.target=torch.optim.Rprop")
        assert {run.optimizer.weight_decay for run in own.runs} == {0.0}

    def test_an_optimizer_that_the_user_has_named(self, tmp_path):
        folder = tmp_path / "mine" / "optimizer"
        folder.mkdir(parents=True)
        (folder / "nesterov.yaml").write_text("defaults: [sgd, _self_]\nname: nesterov\nlr: 0.5\n")
        adamw, own = self.sweeps("optimizer=nesterov", config_dir=str(tmp_path / "mine"))
        assert {run.optimizer.name for run in adamw.runs} == {"adamw"}
        assert {run.optimizer.name for run in own.runs} == {"nesterov"}

    def test_the_grid_of_weight_decays_replaces_the_product(self):
        (study,) = self.sweeps("optimizer=adamw", "lr_wd=1e-5", "lr=1e-3", "wd_schedule=cosine")
        assert {run.optimizer.weight_decay for run in study.runs} == {1e-4, 1e-3, 1e-2, 1e-1}
        assert {run.wd_schedule.name for run in study.runs} == {"cosine"}

    @pytest.mark.parametrize("optimizer", ["adamw", "lion"])
    def test_both_optimizers_have_the_parameter_groups(self, optimizer):
        studies = self.sweeps(f"optimizer={optimizer}", "optimizer.groups.head.lr_scale=0.3")
        optimizers = [run.optimizer for study in studies for run in study.runs]
        assert len({each.name for each in optimizers}) == 2
        assert {each.groups["head"].lr_scale for each in optimizers} == {0.3}

    def test_groups_of_a_torch_class_stay_with_it(self):
        """Their settings, such as a class, are not those of a rule."""
        target = ["optimizer=torch", "optimizer.target=torch.optim.Adagrad"]
        studies = self.sweeps(*target, "optimizer.groups.head.target=torch.optim.SGD")
        optimizers = [run.optimizer for study in studies for run in study.runs]
        assert {each.name for each in optimizers if each.groups} == {"torch"}

    def test_the_study_is_a_new_one(self, results):
        names = []
        for name in ("first", "first2"):
            names += [study.location.study for study in self.sweeps()]
            (results / name).mkdir(parents=True)
        assert [*names, *(s.location.study for s in self.sweeps())] == ["first", "first2", "first3"]
