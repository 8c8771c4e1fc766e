"""The settings of a search, and the runs that train them."""

import pytest

from adamcmp.config import SearchRange, SearchSpace
from adamcmp.errors import ConfigError

RANGES = ["lr=tag(log,interval(1e-4,1e-1))", "wd=0,0.1", "sampler=sobol", "n=4"]


@pytest.fixture
def search_space(composer):
    return lambda *overrides: SearchSpace(composer, [*RANGES, *overrides])


def test_a_branch_for_each_choice_of_components(search_space):
    space = search_space("optimizer=adamw,sgd", "model=mlp,logistic", "seeds=3", "epochs=2")
    chosen = [[o.input_line for o in branch.overrides] for branch in space.branches]
    assert chosen == [
        [f"optimizer={optimizer}", f"model={model}"]
        for optimizer in ("adamw", "sgd")
        for model in ("mlp", "logistic")
    ]
    assert len({branch.name for branch in space.branches}) == 4
    assert space.seeds_per_setting == 3


def test_the_name_of_a_branch_does_not_depend_on_seeds_and_n(search_space):
    names = {
        search_space(*more).branches[0].name for more in ([], ["seeds=5"], ["n=9"], ["workers=0"])
    }
    assert len(names) == 1


def test_ranges_and_listed_values_are_searched(search_space):
    (branch,) = search_space().branches
    domains = branch.domains
    assert domains["optimizer.lr"] == SearchRange(1e-4, 1e-1, log=True, integer=False)
    assert len(domains) == len(domains["optimizer.weight_decay"]) == 2


def test_evenly_spaced_settings_reach_both_ends(search_space):
    settings = search_space().branches[0].evenly_spaced(4)
    assert [s["optimizer.lr"] for s in settings] == [1e-4, 1e-3, 1e-2, 1e-1]
    assert len({s["optimizer.weight_decay"] for s in settings}) == 2


def test_runs_of_a_setting_are_its_seeds(search_space):
    space = search_space("optimizer=adamw,sgd", "seeds=2")
    settings = space.branches[0].evenly_spaced(3)
    for branch, optimizer in zip(space.branches, ("adamw", "sgd"), strict=True):
        runs = space.runs(branch, settings)
        assert [[run.protocol.seed for run in seeds] for seeds in runs] == [[0, 1]] * 3
        for seeds, setting in zip(runs, settings, strict=True):
            assert {run.optimizer.lr for run in seeds} == {setting["optimizer.lr"]}
            assert {run.optimizer.name for run in seeds} == {optimizer}
    assert space.runs(space.branches[0], []) == []
    assert len(space.study([settings, settings[:1]]).runs) == 8


def test_overrides_train_the_same_run(search_space, composer):
    space = search_space("optimizer=adam,adamw")
    for branch in space.branches:
        (setting,) = branch.evenly_spaced(1)
        overrides = space.overrides(branch, setting)
        assert "lr=0.0001" in overrides
        # Adam has no coupling, and rejects weight decay.
        assert any(o.startswith("wd=") for o in overrides) == ("optimizer=adamw" in overrides)
        ((run,),) = space.runs(branch, [setting])
        assert composer.run(overrides).runs[0] == run


def test_a_search_needs_a_range(composer):
    with pytest.raises(ConfigError, match="A search needs a range, such as"):
        SearchSpace(composer, ["lr=0.1", "sampler=sobol", "n=4"])


def test_recommended_ranges_are_intervals_of_each_optimizer(composer):
    overrides = ["optimizer=adamw,sgd,adam", "lr=default", "wd=default", "sampler=sobol", "n=4"]
    domains = {
        branch.overrides[0].value(): branch.domains
        for branch in SearchSpace(composer, overrides).branches
    }
    adamw, sgd = (SearchRange(start, end, True, False) for start, end in ((1e-4, 0.1), (1e-3, 1.0)))
    assert (domains["adamw"]["optimizer.lr"], domains["sgd"]["optimizer.lr"]) == (adamw, sgd)
    assert domains["adamw"]["optimizer.weight_decay"].end == 1.0
    assert domains["sgd"]["optimizer.weight_decay"].end == 0.01
    assert domains["adam"].keys() == {"optimizer.lr"}  # it has no weight decay
    with pytest.raises(ConfigError, match=r"lr=default\(5\): a search takes the ends of the range"):
        SearchSpace(composer, ["lr=default(5)", "sampler=sobol", "n=4"])
