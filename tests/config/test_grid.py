"""Grids: their words, and that none of the short cuts changes a run or its id."""

import json
import random
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hypothesis import given, note, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from adamcmp.cli import main
from adamcmp.config import Composer, build_run
from adamcmp.config.overrides import expand_key
from adamcmp.errors import ConfigError

COMMITTED = Path(__file__).parents[2] / "results" / "mnist1d_table"


def values(composer, word):
    """Return the values of one axis, as words without their key."""
    (axis,) = composer.parse([word]).axes
    texts = [[o.input_line.split("=", 1)[1] for o in value] for value in axis.values]
    return [",".join(text) for text in texts]


def batch(loader, words):
    """Return the points of a grid as Hydra's own sweeper has them: a list of words each."""
    overrides = OverridesParser.create(loader).parse_overrides([expand_key(word) for word in words])
    (found,) = BasicSweeper.split_arguments(overrides, None)
    return found


def by_hydra(folder, point, grid):
    """Return one run as Hydra alone composes it, and what we say of runs on top of it.

    That is: `study` is a setting, though a folder of configs has its name; a variant is called
    what its file is called; what does not decay has no weight decay in a grid.
    """
    others = [word for word in point if not word.startswith("study=")]
    (study,) = [word.removeprefix("study=") for word in point if word not in others] or ["s"]
    with initialize_config_module("adamcmp.configs", version_base=None):
        words = [*others, f"hydra.searchpath=[file://{folder}]"]
        config = compose("config", words, return_hydra_config=True)
    chosen = config.hydra.runtime.choices["optimizer"]
    with open_dict(config):
        del config["hydra"]
    plain = OmegaConf.to_container(config, resolve=True)
    if not any(word.lstrip("+").startswith("optimizer.name=") for word in point):
        plain["optimizer"]["name"] = chosen
    if grid and plain["optimizer"]["coupling"] == "none":
        plain["optimizer"]["weight_decay"] = 0.0
    return build_run({**plain, "study": study})


#: What Hydra, OmegaConf and our checks of a composed config raise for words that are wrong.
WRONG = (HydraException, OmegaConfBaseException, ConfigError)


def ours(composer, space):
    """Return the runs of a grid up to the first that is wrong, and its error."""
    found = []
    try:
        for one in composer.runs(space, "s"):
            found.append(one)
    except ConfigError as error:
        return found, error
    return found, None


def same(one, other):
    return one == other and json.dumps(one.run.settings()) == json.dumps(other.run.settings())


POOL = [
    "optimizer=adamw,sgd",
    "optimizer=glob(adam*)",
    "optimizer=own",
    "model=mlp,logistic",
    "schedule=cosine,step",
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
    """An optimizer of the user's own whose values refer to others."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "optimizer").mkdir()
    (folder / "optimizer" / "own.yaml").write_text(
        "defaults: [adamw, _self_]\nlr: ${oc.decode:${oc.env:NO_SUCH,0.125}}\nweight_decay: ${optimizer.lr}\n"
    )
    return folder


@pytest.fixture(scope="module")
def own(folder):
    return Composer(str(folder))


@settings(max_examples=25, deadline=None, print_blob=True)
@given(st.lists(st.sampled_from(POOL), min_size=1, max_size=5, unique=True), st.data())
def test_points_are_what_hydra_composes(own, folder, words, data):
    """Other words and other points each time, some points of each grid; none of our composing."""
    space = own.parse(words)
    found, error = ours(own, space)
    points = batch(own.loader, words)
    assert len(points) == len(space)
    if error is not None:
        note(str(error))
        with pytest.raises(WRONG):
            by_hydra(folder, points[len(found)], len(points) > 1)
    else:
        assert len(found) == len(points)
    if found:
        some = st.sets(st.integers(0, len(found) - 1), min_size=1, max_size=3)
        for i in sorted(data.draw(some)):
            assert same(found[i], by_hydra(folder, points[i], len(points) > 1)), points[i]


@pytest.mark.parametrize(
    "words",
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
def test_points_where_words_meet(own, folder, words):
    """Words about one value, references, deletions: as Hydra has them, its errors too."""
    words = words.split()
    found, error = ours(own, own.parse(words))
    points = batch(own.loader, words)
    for one, point in zip(found, points, strict=error is None):
        expected = by_hydra(folder, point, len(points) > 1)
        assert one.run == expected.run and one.run.settings() == expected.run.settings()
    if error is not None:
        wrong = points[len(found)]
        with pytest.raises(WRONG):
            by_hydra(folder, wrong, len(points) > 1)
        with pytest.raises(ConfigError) as alone:  # a grid says what the run alone would say
            build_run(own.compose(wrong) | {"study": "s"})
        assert str(error) == str(alone.value)


def test_a_thousand_points_in_hydras_order_with_two_compositions(composer, folder, monkeypatch):
    words = ["lr=range(1,11)", "optimizer=adamw,adam_l2", "wd=range(10)", "seed=range(5)"]
    resolved, to_container = [], OmegaConf.to_container

    def counting(config, resolve, **options):
        resolved.extend([config] * resolve)
        return to_container(config, resolve=resolve, **options)

    with monkeypatch.context() as watched:
        watched.setattr(OmegaConf, "to_container", counting)
        found = list(composer.runs(composer.parse(words), "s"))
    assert len(resolved) == 2
    points = batch(composer.loader, words)
    assert len(found) == len(points) == 1000
    for i in random.sample(range(1000), 5):
        assert same(found[i], by_hydra(folder, points[i], grid=True)), points[i]
    # What agrees is held once.
    assert len({id(asked.run.model) for asked in found}) == 2
    assert len({id(asked.run.protocol) for asked in found}) == 10


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("lr=logspace(1e-4,1e-1,4)", ["0.0001", "0.001", "0.01", "0.1"]),
        ("lr=logspace(1e-1,1e-4,4)", ["0.1", "0.01", "0.001", "0.0001"]),
        ("lr=logspace(1e-3,1e-2,3)", ["0.001", "0.00316228", "0.01"]),
        ("lr=logspace(3e-4,1,1)", ["0.0003"]),
        ("batch_size=logspace(1,1000,4)", ["1", "10", "100", "1000"]),
        ("lr=linspace(0,1,5)", ["0", "0.25", "0.5", "0.75", "1"]),
        ("lr=linspace(0.1,0.4,4)", ["0.1", "0.2", "0.3", "0.4"]),
        ("wd=powers(2,-3,1)", ["0.125", "0.25", "0.5", "1", "2"]),
        ("wd=powers(10,-23,-22)", ["1e-23", "1e-22"]),
        ("wd=powers(0.5,1,2)", ["0.5", "0.25"]),
        ("wd=0,powers(2,-3,-2)", ["0", "0.125", "0.25"]),
        ("wd=choice(powers(2,-2,-1),3)", ["0.25", "0.5", "3"]),
        ("wd=sort(3,powers(2,-2,-1),0,reverse=true)", ["3", "0.5", "0.25", "0"]),
        ("wd=float(powers(2,0,1),0)", ["1.0", "2.0", "0.0"]),
        ("wd=str(powers(2,0,1))", ["1", "2"]),
        ("wd=tag(log,powers(2,0,1))", ["1", "2"]),
        ("epochs=range(3,5),10", ["3", "4", "10"]),
        ("optimizer=sgd,glob(adam_*)", ["sgd", "adam_l2"]),
        ("seeds=3", ["0", "1", "2"]),
        ("lr,wd=1e-3:0.1,1e-2:0", ["0.001,0.1", "0.01,0"]),
        ("zip(lr,wd)=(1e-3,0.1),(1e-2,0)", ["0.001,0.1", "0.01,0"]),
        ("zip(lr, wd)=1e-3:0.1, 1e-2:0", ["0.001,0.1", "0.01,0"]),
        ("lr,wd=logspace(1e-3,1e-1,3):powers(2,0,2),3:4", ["0.001,1", "0.01,2", "0.1,4", "3,4"]),
        ("zip(lr,wd)=(range(2),choice(3,4))", ["0,3", "1,4"]),
        ("optimizer,lr=sgd:0.1,adamw:1e-3", ["sgd,0.1", "adamw,0.001"]),
        ("lr,optimizer.betas,seed=1:[0.9,0.8]:3,2:[0.7,0.6]:4", ["1,[0.9,0.8],3", "2,[0.7,0.6],4"]),
        ("zip(optimizer.name,lr)=('a:(b,c',1),(d\\:e,2)", ["'a:(b,c',1", "d\\:e,2"]),
    ],
)  # fmt: skip
def test_values(composer, word, expected):
    assert values(composer, word) == expected


def test_shuffled_values_are_the_same_set(composer):
    assert sorted(values(composer, "wd=shuffle(0,powers(2,-2,-1))")) == ["0", "0.25", "0.5"]


def test_typed_by_hand_or_by_a_function_is_the_same_run(specs):
    one = specs(["lr=logspace(1e-4,1e-1,4)", "wd=powers(2,-2,0)", "seeds=2"])
    other = specs(["lr=1e-1,1e-2,0.001,1e-4", "wd=0.25,.5,1.0", "seed=1,0"])
    assert {spec.run_id for spec in one} == {spec.run_id for spec in other}


def test_pairs_go_together(composer):
    runs = composer.sweep(["optimizer,lr=sgd:0.1,adamw:1e-3", "wd,seed=0:1,0.5:2"]).runs
    shown = [
        (r.optimizer.name, r.optimizer.lr, r.optimizer.weight_decay, r.protocol.seed) for r in runs
    ]
    assert shown == [
        ("sgd", 0.1, 0.0, 1), ("sgd", 0.1, 0.5, 2), ("adamw", 0.001, 0.0, 1), ("adamw", 0.001, 0.5, 2),
    ]  # fmt: skip


def test_intervals_are_left_to_a_sampler(composer):
    found = composer.parse(
        ["lr=tag(log,interval(1e-4,1e-1))", "epochs=int(interval(1,9))", "wd=0,1", "seed=3"]
    )
    lr, epochs = (override.value() for override in found.intervals)
    assert (lr.start, lr.end, lr.tags) == (1e-4, 1e-1, {"log"})
    assert (epochs.start, epochs.end) == (1, 9) and isinstance(epochs.start, int)
    assert [override.input_line for override in found.fixed] == ["seed=3"]
    assert [axis.keys for axis in found.axes] == [("optimizer.weight_decay",)]


REFUSED = [
    ("lr=logspace(1e-4,1e-1)", "lr=logspace(1e-4,1e-1): missing a required argument: 'n'"),
    ("lr=logspace(0,1,3)", "lr=logspace(0,1,3): logspace takes a start and a stop above 0"),
    ("lr=logspace(1,2,0)", "lr=logspace(1,2,0): logspace takes 1 to 100,000 numbers, not n=0"),
    ("lr=linspace(1,2,1000000000)", "linspace takes 1 to 100,000 numbers"),
    ("seeds=1000000000", "seed=range(1000000000): more than 100,000 values"),
    ("lr=range(1,1001) wd=range(0,1000)", "These overrides span 1,000,000 runs; a study holds at most 100,000"),
    ("lr=linspace(1,2,2.5)", "lr=linspace(1,2,2.5): mismatch type argument n"),
    ("wd=powers(2,-4,-12)", "wd=powers(2,-4,-12): powers takes the lower exponent first: powers(2,-12,-4)"),
    ("wd=powers(0,1,2)", "a base above 0"),
    ("wd=powers(10,1,400)", "10^400 is too large"),
    ("wd=powers(2,1,100000)", "exponents between -1100 and 1100"),
    ("lr=logspac(1,2,3)", "there is no function 'logspac'. Did you mean 'logspace'?"),
    ("lr=interval(0,1)", "lr=interval(0,1): an interval has no list of values: it needs sampler=random|sobol|tpe|cmaes n=64"),
    ("lr=1,interval(0,1)", "lr=1,interval(0,1): an interval has no list of values"),
    ("optimizer.betas=[0.9,choice(0.8,0.9)]", "one place of a list cannot hold several values"),
    ("lr=1,[choice(0.8,0.9)]", "one place of a list cannot hold several values"),
    ("seed=range(0,5,0)", "seed=range(0,5,0): range() arg 3 must not be zero"),
    ("lr=range(0,0.5,0.0)", "Invalid range values"),
    ("seeds=0", "seeds=0: should be a whole number of at least 1"),
    ("seeds=two", "seeds=two: should be a whole number"),
    ("seeds=1,2", "seeds=1,2: should be a whole number"),
    ("seed=1 seeds=2", "seed=1 and seeds=2: give one of them"),
    ("seed,lr=1:1 seeds=2", "seed is given twice"),
    ("lr,wd=1:2,3", "3 should hold 2 values, one per key: paired settings are lr,wd=a1:a2,b1:b2"),
    ("lr,wd=1:2:3", "1:2:3 should hold 2 values"),
    ("lr,wd=1:", "1: should hold 2 values"),
    ("zip(lr,wd)=(1,2,3)", "(1,2,3) should hold 2 values"),
    ("lr,wd=range(1,4):range(1,3)", "3 values of lr but 2 values of wd; pairs take as many of each"),
    ("lr,wd=range(1,4):1", "3 values of lr but 1 values of wd"),
    ("lr,optimizer.lr=1:2", "a key is given twice"),
    ("lr,wd=1:2 wd=3", "optimizer.weight_decay is given twice"),
    ("lr,wd=1:#", "Cannot read 'lr,wd=1:#'"),
    ("zip(lr,wd=1", "Cannot read 'zip(lr,wd=1'"),
    ("lr,wrong=1:2,3:4", "There is no setting 'wrong'"),
    ("lr,wd=-1:0,1:0", "lr=-1: should be at least 0"),
    ("optimizer,lr=adamw:1,nope:1", "optimizer=nope: there is no such optimizer"),
    ("optimizer=[1],sgd", "optimizer=1: there is no such optimizer"),
    ("optimizer=adamw,sgd optimizer.momentum=0,0.9", "no setting 'optimizer.momentum' of optimizer=adamw"),
    ("eval=3,4", "eval=3: "),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(composer, words, message):
    with pytest.raises(ConfigError) as error:
        composer.sweep(words.split())
    assert message in str(error.value)


@pytest.mark.parametrize("word", ["seeds=5", "lr,wd=1:2", "zip(lr,wd)=(1,2)", "wd=powers(2,0,1)"])
def test_run_trains_one(composer, word):
    with pytest.raises(ConfigError, match="`run` trains one run"):
        composer.run([word])


class TestNames:
    def test_readable(self, composer):
        def name(words):
            return composer.sweep(words.split()).location.study

        words = "optimizer=adam_l2,adamw lr=logspace(1e-4,1e-1,5)"
        found = name(words)
        assert found.startswith("optimizer-adam_l2-adamw_lr-0.0001..0.1_")
        # Order and form of the words, and what changes no cell, do not matter.
        assert found == name("lr=1e-1,1e-2,0.000562341,1e-4,0.0177828,0.00316228"
                             .replace("1e-2,0.000562341", "0.000562341") + " optimizer=adamw,adam_l2")  # fmt: skip
        assert found == name(f"{words} seeds=5 workers=1") == name(f"seed=3 {words} results=r")
        others = ["lr=1", "wd=1", "dtype=float64", "lr,wd=1:1", "optimizer=sgd"]
        assert len({found, *(name(f"{words} {other}") for other in others[1:3])}) == 3
        assert len({name(other) for other in others}) == len(others)
        assert name("seeds=2").startswith("defaults_")

    def test_any_words_give_a_folder_name(self, composer):
        many = ["optimizer=glob(*,exclude=torch)", "dataset=glob(*1d),digits", "lr=0.1,2",
                "optimizer.decay_filter=all,no_bias_norm", "eval.every=1,2", "schedule=cosine,step",
                "optimizer.name='a/b c',\"é\"", "~model.norm", "+dataset.validation=0.2"]  # fmt: skip
        for n in range(1, 8):
            name = composer.sweep([*many[:n], "seeds=2"]).location.study
            assert len(name) <= 64 and name.isascii() and not set(name) & set("/ +~'=")

    def test_given_names_win(self, composer, tmp_path):
        assert composer.sweep(["study=mine", "lr=1,2"]).location.study == "mine"
        assert composer.run(["lr=1"]).location.study == "scratch"
        assert composer.sweep(["study=null", "lr=1,2"]).location.study.startswith("lr-1-2_")
        (tmp_path / "experiment").mkdir()
        (tmp_path / "experiment" / "own.yaml").write_text("# @package _global_\nstudy: theirs\n")
        own = Composer(str(tmp_path))
        assert own.sweep(["+experiment=own", "lr=1,2"]).location.study == "theirs"
        assert own.sweep(["+experiment=own", "lr=1,2", "study=x"]).location.study == "x"

    def test_more_seeds_widen_the_same_study(self, capsys, results):
        small = ["dataset=teacher", "steps=2", "model=logistic", "lr=0.1,0.2"]
        assert main(["sweep", "-q", "seeds=1", *small]) == 0
        assert main(["sweep", "-q", "seeds=2", *small]) == 0
        assert "4 runs (2 newly trained)" in capsys.readouterr().out
        assert len(list(results.iterdir())) == 1

    def test_study_is_no_config_group(self, tmp_path, capsys):
        """Though a folder of study files lies beside those of config groups."""
        (tmp_path / "study").mkdir()
        (tmp_path / "study" / "foo.yaml").write_text("blocks: {a: {lr: 1}}\n")
        own = Composer(str(tmp_path))
        for name in ("foo", "other"):
            assert own.run([f"study={name}"]).location.study == name
            assert own.sweep([f"study={name}", "lr=1,2"]).location.study == name
            assert f"\nstudy: {name}\n" in own.config_yaml([f"study={name}", "lr=1"], "all")
        with pytest.raises(ConfigError, match="goes into one study"):
            own.sweep(["study=foo,other"])
        assert main(["run", "--cfg", "all", "--config-dir", str(tmp_path), "study=foo"]) == 0
        assert "\nstudy: foo\n" in capsys.readouterr().out
