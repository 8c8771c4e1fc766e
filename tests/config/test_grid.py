"""Composing grids: no shortcut changes a run, compared with Hydra's composition."""

import json
import random

import pytest
from hydra import compose, initialize_config_module
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hypothesis import given, note, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from adamcmp.components.trusted_code import ANY_CODE, trusting
from adamcmp.config import Composer, build_run
from adamcmp.config.overrides import expand_key
from adamcmp.errors import ConfigError


def hydra_overrides(loader, overrides):
    """Return the overrides of each run of a grid, as Hydra's sweeper splits them."""
    parser = OverridesParser.create(loader)
    parsed = parser.parse_overrides([expand_key(override) for override in overrides])
    (runs,) = BasicSweeper.split_arguments(parsed, None)
    return runs


def composed_by_hydra(folder, overrides, in_grid):
    """Return one run as Hydra composes it, with adamcmp's rules applied to its config.

    ``study`` is a setting, although a folder of configs has its name. A variant has the name of
    its yaml file. A schedule of the weight decay is an option of ``schedule``. In a grid an
    optimizer without coupling has no weight decay, and weight decay 0 no schedule.
    """
    others = [override for override in overrides if not override.startswith("study=")]
    studies = [override.removeprefix("study=") for override in overrides if override not in others]
    (study,) = studies or ["s"]
    others = [o.replace("wd_schedule=", "schedule@wd_schedule=") for o in others]
    others = [override for override in others if override != "schedule@wd_schedule=null"]
    with initialize_config_module("adamcmp.configs", version_base=None):
        searched = [*others, f"hydra.searchpath=[file://{folder}]"]
        config = compose("config", searched, return_hydra_config=True)
    option = config.hydra.runtime.choices["optimizer"]
    with open_dict(config):
        del config["hydra"]
    values = OmegaConf.to_container(config, resolve=True)
    if not any(override.lstrip("+").startswith("optimizer.name=") for override in overrides):
        values["optimizer"]["name"] = option
    values["optimizer"].pop("search", None)
    if in_grid and values["optimizer"]["coupling"] in ("none", "norm"):
        values["optimizer"]["weight_decay"] = 0.0
    if in_grid and not values["optimizer"]["weight_decay"]:
        values["wd_schedule"] = None
    with trusting(ANY_CODE):
        return build_run({**values, "study": study})


#: What Hydra, OmegaConf and the validation of a composed config raise for invalid overrides.
ERRORS = (HydraException, OmegaConfBaseException, ConfigError)


def composed_runs(composer, space):
    """Return the runs of a grid up to the first invalid one, and its error."""
    runs = []
    try:
        for run in composer.runs(space, "s"):
            runs.append(run)
    except ConfigError as error:
        return runs, error
    return runs, None


def assert_equal(one, other):
    assert one == other
    assert json.dumps(one.run.settings()) == json.dumps(other.run.settings())


POOL = [
    "optimizer=adamw,sgd",
    "optimizer=glob(adam*)",
    "optimizer=own",
    "model=mlp,logistic",
    "schedule=cosine,step",
    "wd_schedule=null,linear",
    "dataset=mnist1d,digits",
    "lr=1e-3,1e-2",
    "lr=1,0.1",
    "lr=choice(1e-05,.5,1E-2)",
    "lr=${eval.every},0.1",
    "wd=range(0,0.3,0.1)",
    "wd=${optimizer.lr},0",
    "wd=sort(3,1,2,reverse=true)",
    "optimizer.wd=float(1,0)",
    "optimizer={lr:0.5},{lr:0.25,weight_decay:0}",
    "optimizer.betas=[0.9,0.99],[0.8,0.9]",
    "optimizer.coupling='l2',decoupled",
    'optimizer.name="a b",plain',
    "optimizer.name=\\${x\\},b",
    "++optimizer.weight_decay=0.5,0.25",
    "~optimizer.betas",
    "grad_clip=null,1.5,1e0",
    "eval={every:2.0},{every:3.0}",
    "eval.every=1,2.5",
    "eval.every_steps=null,7",
    "steps=10,null",
    "seed=range(3)",
    "seed=tag(x,range(2))",
    "batch_size=int(1.5,16)",
    "workers=1",
    "dataset.split_seed=0,1",
    "model.width=8,16",
    "epochs=str(3,4)",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A user's config folder with an optimizer whose values refer to others."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "optimizer").mkdir()
    (folder / "optimizer" / "own.yaml").write_text(
        "defaults: [adamw, _self_]\nlr: ${oc.decode:${oc.env:NO_SUCH,0.125}}\nweight_decay: ${optimizer.lr}\n"
    )
    return folder


@pytest.fixture(scope="module")
def user_composer(folder):
    return Composer(str(folder))


@settings(max_examples=4, print_blob=True)
@given(st.lists(st.sampled_from(POOL), min_size=1, max_size=5, unique=True), st.data())
def test_runs_are_those_that_hydra_composes(user_composer, folder, overrides, data):
    """For random overrides, and some random runs of each grid."""
    space = user_composer.parse(overrides)
    runs, error = composed_runs(user_composer, space)
    expected = hydra_overrides(user_composer.loader, overrides)
    in_grid = len(expected) > 1
    assert len(expected) == len(space)
    if error is not None:
        note(str(error))
        with pytest.raises(ERRORS):
            composed_by_hydra(folder, expected[len(runs)], in_grid)
    else:
        assert len(runs) == len(expected)
    if runs:
        some = st.sets(st.integers(0, len(runs) - 1), min_size=1, max_size=3)
        for i in sorted(data.draw(some)):
            note(str(expected[i]))
            assert_equal(runs[i], composed_by_hydra(folder, expected[i], in_grid))


@pytest.mark.parametrize(
    "overrides",
    [
        "lr=1e-3,1e-2 optimizer={lr:0.5}",
        "optimizer={lr:0.5} lr=1e-3,1e-2",
        "eval.every=1,2 eval={every:3.0},{every_steps:4}",
        "eval.every=1,2 ++eval.every=3",
        "~optimizer.betas optimizer.betas=[0.9,0.99],[0.8,0.9]",
        "optimizer=own lr=1,2",
        "optimizer=own,sgd lr=1,2 wd=0.5,${eval.every}",
        "wd=0.5 optimizer.coupling=none,l2,decoupled lr=1,2",
        "lr=1 seed=1,2 lr=2,3",
        "optimizer.name=null,'null',true,'1',1e3,\"${x}\"",
        "optimizer.name=a:b,'${oc.env:HOME}',???",
        "optimizer=sgd,adamw optimizer.betas=[0.9,0.99],[0.8,0.9]",
        "grad_clip=1,null,.5 optimizer.amsgrad=true,FALSE eval.every=1,inf",
        "model=custom model.target=x.Y +model.sizes=[1,2],{a:3} +model.act=relu,null",
        "study=a results=r,r workers=0",
    ],
)
def test_overrides_of_the_same_value(user_composer, folder, overrides):
    """Several overrides of one value, references, deletions: runs and errors are Hydra's."""
    overrides = overrides.split()
    runs, error = composed_runs(user_composer, user_composer.parse(overrides))
    expected = hydra_overrides(user_composer.loader, overrides)
    in_grid = len(expected) > 1
    for run, run_overrides in zip(runs, expected, strict=error is None):
        by_hydra = composed_by_hydra(folder, run_overrides, in_grid)
        assert run.run == by_hydra.run and run.run.settings() == by_hydra.run.settings()
    if error is not None:
        invalid = expected[len(runs)]
        with pytest.raises(ERRORS):
            composed_by_hydra(folder, invalid, in_grid)
        with pytest.raises(ConfigError) as single:  # the message equals that of a single run
            build_run(user_composer.compose(invalid) | {"study": "s"})
        assert str(error) == str(single.value)


def test_a_grid_of_1000_runs_is_composed_once_per_optimizer(composer, folder, monkeypatch):
    overrides = ["lr=range(1,11)", "optimizer=adamw,adam_l2", "wd=range(10)", "seed=range(5)"]
    resolved, to_container = [], OmegaConf.to_container

    def counting(config, resolve, **options):
        resolved.extend([config] * resolve)
        return to_container(config, resolve=resolve, **options)

    with monkeypatch.context() as patched:
        patched.setattr(OmegaConf, "to_container", counting)
        runs = list(composer.runs(composer.parse(overrides), "s"))
    assert len(resolved) == 2
    expected = hydra_overrides(composer.loader, overrides)
    assert len(runs) == len(expected) == 1000
    for i in random.sample(range(1000), 5):
        assert_equal(runs[i], composed_by_hydra(folder, expected[i], in_grid=True))
    # Runs share the objects in which they agree.
    assert len({id(composed.run.model) for composed in runs}) == 2
    assert len({id(composed.run.protocol) for composed in runs}) == 10


@pytest.mark.parametrize(
    "override", ["seeds=5", "lr,wd=1:2", "zip(lr,wd)=(1,2)", "wd=powers(2,0,1)"]
)
def test_run_rejects_several_runs(composer, override):
    with pytest.raises(ConfigError, match="`run` trains one run"):
        composer.run([override])


@pytest.mark.parametrize(
    ("overrides", "is_search"),
    [
        (["lr=tag(log,interval(1e-4,1e-1))", "sampler=sobol", "n=8"], True),
        (["sampler=null", "lr=1,2"], False),
        (["lr=1,2"], False),
    ],
)
def test_a_search_has_a_sampler(composer, overrides, is_search):
    assert composer.is_search(overrides) == is_search
    if is_search:
        with pytest.raises(ConfigError, match=r"`run` trains one run. Search with `sweep`\."):
            composer.run(["sampler=sobol", "n=8"])


@pytest.mark.parametrize("override", ["results=a,b", "device=cpu,cuda", "logger=none,mlflow"])
def test_runs_of_a_sweep_share_their_study(composer, override):
    with pytest.raises(
        ConfigError, match=r"share these settings: study, results, device, .*logger"
    ):
        composer.sweep([override])


def test_a_sweep_without_values_defines_no_run(composer):
    with pytest.raises(ConfigError, match=r"seed=range\(0\): range has no values"):
        composer.sweep(["seed=range(0)"])


def test_errors_name_the_key_that_was_typed(composer):
    for key in ("lr", "optimizer.lr"):
        with pytest.raises(ConfigError, match=rf"^{key}=-1: should be at least 0"):
            composer.sweep([f"{key}=-1,1"])
