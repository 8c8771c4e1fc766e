"""Studies with an update rule of the user's code, named by a yaml file of a folder of theirs."""

import importlib
import sys

import pytest

import adamcmp
from adamcmp.config import Composer
from adamcmp.errors import ConfigError
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.specs import run_specs
from adamcmp.training.conformance import check_state
from tests.conftest import CPU
from tests.support.training import FusedGroup, comparable, trained
from tests.support.user_rules import LION

RUN = ["model=mlp", "model.width=8", "steps=6", "eval.every_steps=3", "batch_size=10", "subset=100"]


@pytest.fixture
def mine(tmp_path):
    """A folder with the yaml file of the user's Lion."""
    folder = tmp_path / "mine" / "optimizer"
    folder.mkdir(parents=True)
    (folder / "own_lion.yaml").write_text(LION)
    return str(tmp_path / "mine")


def specs(mine, *overrides):
    return run_specs(Composer(mine).sweep([*RUN, *overrides]), CPU)


@pytest.mark.parametrize(
    "coupling", ["l2", "decoupled", "independent", "fixed", "corrected", "norm"]
)
def test_it_is_the_built_in_rule(mine, coupling):
    settings = [f"optimizer.coupling={coupling}", f"wd={0 if coupling == 'norm' else 0.1}"]
    if coupling == "l2":
        settings += ["wd=0"]  # does not apply to the built-in Lion with decay
    runs = []
    for name in ("own_lion", "lion"):
        if (name, coupling) == ("lion", "l2"):
            continue
        (spec,) = specs(mine, f"optimizer={name}", "lr=0.01", *settings)
        runs.append([{**row, "run_id": ""} for row in trained(spec).metrics])
    assert comparable(runs[0]) == comparable(runs[-1])


def test_lanes_have_the_same_bits_as_a_single_run(mine):
    planned = specs(
        mine, "optimizer=own_lion", "lr=1e-3,1e-2", "optimizer.beta1=0.8,0.9", "seed=0,1"
    )
    assert len({spec.run_kind for spec in planned}) == 1
    lanes = trained(FusedGroup(planned)).metrics
    alone = trained(FusedGroup(planned[5:6])).metrics
    run_id = planned[5].run_id
    assert comparable(lanes)[run_id] == comparable(alone)[run_id]
    check_state(planned[:1])


def test_a_study_is_stored_reported_and_extended(
    mine, tmp_path, no_plots, few_statistics, monkeypatch
):
    """A report imports no module that stored results name; training more runs does."""
    module, code = tmp_path / "ownlion.py", "from tests.support.user_rules import Lion\n"
    module.write_text(code)
    text = LION.replace("tests.support.user_rules.Lion", "ownlion.Lion")
    (tmp_path / "mine" / "optimizer" / "own_lion.yaml").write_text(text)
    adamcmp.sweep([*RUN, "optimizer=own_lion", "lr=1e-3,1e-2", "study=s"], config_dir=mine)
    runs = adamcmp.load("s").runs
    assert set(runs["rule"]) == {"ownlion.Lion"} and runs["optimizer.sha256"].notna().all()
    assert set(runs["optimizer.arguments"]) == {'{"beta1": 0.9, "beta2": 0.99}'}

    module.unlink()
    monkeypatch.delitem(sys.modules, "ownlion")
    assert adamcmp.report("s").folder.exists()
    assert "ownlion" not in sys.modules
    with pytest.raises(ConfigError, match=r"optimizer.rule=ownlion.Lion: cannot import 'ownlion'"):
        adamcmp.extend("s", ["seeds=2"], allow_code=True)
    module.write_text(code)
    importlib.invalidate_caches()
    adamcmp.extend("s", ["seeds=2"], allow_code=True)
    assert len(adamcmp.load("s").runs) == 4


def test_nan_is_a_diverged_run(mine, tmp_path):
    text = LION.replace("Lion", "NaN").replace("beta1: 0.9\nbeta2: 0.99", "factor: 1.0")
    (tmp_path / "mine" / "optimizer" / "own_nan.yaml").write_text(text)
    (spec,) = specs(mine, "optimizer=own_nan")
    row = trained(LaneGroup((spec,))).runs[0]
    assert row["status"] == "diverged" and row["stopped_at_step"] == 3
