"""Recommended ranges: ``lr=default`` and ``wd=default``."""

import pytest

import adamcmp
from adamcmp.config import Composer
from adamcmp.config.recommended_ranges import grid_parts
from adamcmp.errors import ConfigError

#: Needs a class of the user, which decides its ranges.
WITHOUT_RANGES = {"torch"}


def settings(config, optimizer):
    """Return the pairs of lr and wd of an optimizer's runs, in order."""
    runs = [run.optimizer for run in config.runs if run.optimizer.name == optimizer]
    return [(run.lr, run.weight_decay) for run in runs]


def optimizers(composer):
    return [name for name in composer.options("optimizer") if not name.startswith("_")]


def test_every_optimizer_has_ranges_of_equal_size_with_their_source(composer):
    """So that `lr=default wd=default` gives all of them equal budgets."""
    for name in optimizers(composer):
        choice = [composer.parse_override(f"optimizer={name}")]
        ranges = composer.recommended_ranges(choice)
        if name in WITHOUT_RANGES:
            assert not ranges
            continue
        optimizer = composer.base(choice)["optimizer"]
        config = composer.sweep([f"optimizer={name}", "lr=default", "wd=default"])
        values = settings(config, name)
        learning_rates, decays = (sorted(set(column)) for column in zip(*values, strict=True))
        assert len(learning_rates) == 7
        assert len(decays) == (5 if optimizer["coupling"] != "none" else 1)
        assert learning_rates[0] <= optimizer["lr"] <= learning_rates[-1]
        assert len(ranges["source"]) > 20


def test_each_optimizer_of_a_grid_has_its_own_range(composer):
    config = composer.sweep(["optimizer=sgd,adamw", "lr=default(4)", "wd=0,0.1", "seeds=2"])
    assert len(config.runs) == 2 * 4 * 2 * 2
    for name, rates in (("sgd", (1e-3, 1e-2, 1e-1, 1.0)), ("adamw", (1e-4, 1e-3, 1e-2, 1e-1))):
        expected = [(lr, wd) for lr in rates for wd in (0, 0.1) for _ in range(2)]
        assert settings(config, name) == expected
    other = composer.sweep(["optimizer=sgd", "lr=1e-3,1e-2,1e-1,1", "wd=0,0.1", "seeds=2"])
    assert {run for run in config.runs if run.optimizer.name == "sgd"} == set(other.runs)


def test_the_name_of_the_study_has_the_override(composer):
    name = composer.sweep(["lr=default", "optimizer=sgd,adamw"]).location.study
    assert name.startswith("optimizer-adamw-sgd_lr-default_")
    again = composer.sweep(["optimizer=adamw,sgd", "optimizer.lr=default", "seeds=3"])
    assert again.location.study == name
    assert composer.sweep(["lr=default(3)", "optimizer=sgd,adamw"]).location.study != name


def test_a_space_without_recommended_ranges_is_one_grid(composer):
    space = composer.parse(["optimizer=sgd,adamw", "lr=1,2"])
    assert grid_parts(space, composer) == [space]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("optimizer=torch lr=default", "lr=default: optimizer=torch has no recommended range: give lr= values"),
        ("optimizer.coupling=independent wd=default", "is for coupling=decoupled, not for optimizer.coupling=independent: give wd= values"),
        ("optimizer.coupling=decoupled,l2 wd=default", "not for optimizer.coupling=l2"),
        ("optimizer.normalized=true wd=default", "is for normalized=false"),
        ("lr=default(0)", r"lr=default\(0\): should be default, or default\(5\)"),
        ("lr=default lr=1,2", "."),
    ],
)  # fmt: skip
def test_errors(composer, overrides, message):
    overrides = overrides.split()
    if message == ".":
        assert len(composer.sweep(overrides).notices) == 1  # the last one counts
        return
    with pytest.raises(ConfigError, match=message):
        composer.sweep(overrides)


def test_ranges_of_the_users_yaml_file(tmp_path):
    def config(entry):
        folder = tmp_path / "optimizer"
        folder.mkdir(exist_ok=True)
        text = f"defaults: [torch, _self_]\ntarget: torch.optim.SGD\nmomentum: 0.9\n{entry}"
        (folder / "own.yaml").write_text(text)
        return Composer(str(tmp_path)).sweep(["optimizer=own", "lr=default", "wd=default"])

    entry = "search: {lr: [0.1, 0.3], weight_decay: 'powers(10,-2,0)'}"
    values = settings(config(entry), "own")
    assert values == [(lr, wd) for lr in (0.1, 0.3) for wd in (0.01, 0.1, 1.0)]
    for entry, message in (
        ("search: {wd: 0.1}", "its keys are lr, weight_decay, source"),
        ("search: 3", "should hold recommended ranges such as"),
        ("search: {lr: logspace(0), weight_decay: 1}", "The recommended range of optimizer=own: "),
        ("search: {lr: [a, b], weight_decay: 1}", "lr=a,b should be numbers"),
    ):
        with pytest.raises(ConfigError, match=message):
            config(entry)


def test_a_range_is_extended_like_any_grid():
    """The best lr is on the edge, since there is a single step."""
    overrides = ["dataset=teacher", "steps=1", "model=logistic", "lr=default(3)", "study=s"]
    adamcmp.sweep(["optimizer=sgd", "optimizer.momentum=0", *overrides])
    extended = adamcmp.extend("s")
    assert [(edge.axis, edge.beyond) for edge in extended.edges] in ([], [("lr", 31.6228)])


def test_a_misspelled_default_is_recognized(composer):
    with pytest.raises(ConfigError, match=r"lr=defualt: should be a number\. Did you mean 'de"):
        composer.run(["lr=defualt"])
