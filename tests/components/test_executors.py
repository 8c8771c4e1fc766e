"""Settings of executors."""

import pytest

from adamcmp.components.validation import build
from adamcmp.config import CONFIG_GROUPS, Composer, Execution
from adamcmp.errors import ConfigError

SLURM = CONFIG_GROUPS["executor"].component("slurm")


def test_settings_of_an_executor_are_those_of_its_yaml_and_the_overrides():
    overrides = ["executor=slurm", "executor.partition=gpu", "executor.gpus_per_node=2"]
    execution = Composer().run([*overrides, "executor.setup=[module load cuda]"]).execution
    assert execution.executor_name == "slurm" and execution.cluster == execution.executor
    assert execution.cluster.partition == "gpu" and execution.cluster.timeout_min == 60
    assert execution.cluster.setup == ("module load cuda",)
    assert (execution.cluster.gpus, execution.cluster.cores) == (2, 1)


@pytest.mark.parametrize("overrides", [[], ["executor=null"], ["executor=pool"]])
def test_without_a_cluster(overrides):
    execution = Composer().run(overrides).execution
    assert execution.cluster is None
    assert execution.executor_name == ("pool" if "executor=pool" in overrides else None)


def test_a_file_of_the_user_describes_their_cluster(tmp_path):
    (tmp_path / "executor").mkdir()
    text = "# Our cluster\ndefaults: [slurm, _self_]\npartition: cpu\njobs: 4\n"
    (tmp_path / "executor" / "ours.yaml").write_text(text)
    cluster = Composer(str(tmp_path)).run(["executor=ours", "executor.jobs=8"]).execution.cluster
    assert (cluster.name, cluster.partition, cluster.jobs) == ("slurm", "cpu", 8)


def test_a_study_is_not_named_after_the_executor():
    names = {
        Composer().sweep(["lr=1,2", *overrides]).location.study
        for overrides in ([], ["executor=slurm", "executor.partition=gpu"], ["executor=serial"])
    }
    assert len(names) == 1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["executor.partition=x"], "executor is null, so it has no settings; choose one first"),
        (["executor=pool", "executor.partition=x"], "no setting 'executor.partition' of executor="),
        (["executor=slurm", "executor.part=x"], "Did you mean 'executor.partition'?"),
        (["executor=slurm", "executor.jobs=0"], "executor.jobs=0: should be at least 1"),
        (["executor=slurm", "executor.timeout_min=0.5"], "should be a whole number"),
        (["executor=ray"], "executor.address is needed: local, auto or HOST:PORT"),
        (["executor=slurm,serial", "seeds=2"], "Set each to one value"),
    ],
)
def test_invalid_settings(overrides, message):
    with pytest.raises(ConfigError) as error:
        Composer().sweep(overrides)
    assert message in str(error.value)


def test_a_name_stands_for_the_default_settings():
    assert Execution(executor="slurm").executor == build(SLURM, {"name": "slurm"}, "executor")
