"""Grids: their words, and that none of the short cuts changes a run or its id."""

import hashlib
import json
import random
from pathlib import Path

import numpy as np
import pytest
import yaml
from hydra import compose, initialize_config_module
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hypothesis import given, note, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from adamcmp.cli import main
from adamcmp.config import Composer, Numerics, RunConfig, build_run
from adamcmp.config.overrides import long
from adamcmp.errors import ConfigError
from adamcmp.planning.grouping import group_runs
from adamcmp.planning.run_kinds import kind_key
from adamcmp.planning.specs import run_id, run_specs
from adamcmp.storage import reader, store
from tests.conftest import CPU

COMMITTED = Path(__file__).parents[2] / "results" / "mnist1d_table"


def values(composer, word):
    """Return the values of one axis, as words without their key."""
    (axis,) = composer.parse([word]).axes
    return [",".join(w.split("=", 1)[1] for w in point) for point in axis.words]


def batch(loader, words):
    """Return the points of a grid as Hydra's own sweeper has them: a list of words each."""
    overrides = OverridesParser.create(loader).parse_overrides([long(word) for word in words])
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


def plain_id(config, numerics):
    canonical = {**config.identity(), "numerics": numerics.identity()}
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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
            build_run(OmegaConf.to_container(own.compose(wrong), resolve=True) | {"study": "s"})
        assert str(error) == str(alone.value)


def test_a_thousand_points_in_hydras_order_with_two_compositions(composer, folder, monkeypatch):
    words = ["lr=range(1,11)", "optimizer=adamw,adam_l2", "wd=range(10)", "seed=range(5)"]
    calls, composed = [], composer._composed
    with monkeypatch.context() as watched:
        watched.setattr(composer, "_composed", lambda o: calls.append(o) or composed(o))
        found = list(composer.runs(composer.parse(words), "s"))
    assert len(calls) == 2
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
    ("lr=logspace(0,1,3)", "lr=logspace(0,1,3): logspace wants a start and a stop above 0"),
    ("lr=logspace(1,2,0)", "lr=logspace(1,2,0): logspace wants 1 to 100,000 numbers, not n=0"),
    ("lr=linspace(1,2,1000000000)", "linspace wants 1 to 100,000 numbers"),
    ("seeds=1000000000", "seed=range(1000000000): more than 100,000 values"),
    ("lr=range(1,1001) wd=range(0,1000)", "These words span 1,000,000 runs; a study holds 100,000 at most"),
    ("lr=linspace(1,2,2.5)", "lr=linspace(1,2,2.5): mismatch type argument n"),
    ("wd=powers(2,-4,-12)", "wd=powers(2,-4,-12): powers wants the lower exponent first, powers(2,-12,-4)"),
    ("wd=powers(0,1,2)", "a base above 0"),
    ("wd=powers(10,1,400)", "10^400 is too large"),
    ("wd=powers(2,1,100000)", "exponents between -1100 and 1100"),
    ("lr=logspac(1,2,3)", "there is no function 'logspac'. Did you mean 'logspace'?"),
    ("lr=interval(0,1)", "lr=interval(0,1): an interval has no list of values: it needs sampler=random|sobol|tpe|cmaes n=64"),
    ("lr=1,interval(0,1)", "lr=1,interval(0,1): an interval has no list of values"),
    ("optimizer.betas=[0.9,choice(0.8,0.9)]", "several values cannot stand in one place of a list"),
    ("lr=1,[choice(0.8,0.9)]", "several values cannot stand in one place of a list"),
    ("seed=range(0,5,0)", "seed=range(0,5,0): range() arg 3 must not be zero"),
    ("lr=range(0,0.5,0.0)", "Invalid range values"),
    ("seeds=0", "seeds=0: should be a whole number of at least 1"),
    ("seeds=two", "seeds=two: should be a whole number"),
    ("seeds=1,2", "seeds=1,2: should be a whole number"),
    ("seed=1 seeds=2", "seed=1 and seeds=2: give one of them"),
    ("seed,lr=1:1 seeds=2", "seed is given twice"),
    ("lr,wd=1:2,3", "3 should hold 2 values, one a key: paired settings are lr,wd=a1:a2,b1:b2"),
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


class TestIds:
    def test_fast_ids_are_the_plain_ones(self, composer):
        words = ["optimizer=glob(*,exclude=torch)", "lr=1e-3,0.5", "wd=0,1e-05", "seeds=2"]
        more = [
            "grad_clip=null,1.5",
            "schedule=cosine,step",
            "steps=null,9",
            "eval.every_steps=null,4",
        ]
        for spec in run_specs(composer.sweep([*words, *more]), CPU):
            assert spec.run_id == plain_id(spec.config, spec.numerics)

    def test_a_changed_copy_is_another_run(self, specs):
        (spec,) = specs(["seed=1"])
        other = spec.config.protocol.model_copy(update={"seed": 2})
        assert other.fragments["seed"] == "2" and spec.config.protocol.fragments["seed"] == "1"
        for part in (spec.config.optimizer, spec.numerics):
            first, field = part.canonical, next(iter(part.identity()))
            assert part.model_copy(update={field: "x"}).canonical != first
            assert part.model_copy().canonical == first

    def test_committed_results_are_found(self, composer):
        """The words and the rows of a study of an older version give its ids."""
        rows = reader.read_runs(COMMITTED).to_pylist()
        about = yaml.safe_load((COMMITTED / "study.yaml").read_text())
        numerics = Numerics(**about["numerics"])
        asked = [run_specs(composer.sweep(once["words"]), numerics) for once in about["asked"]]
        assert {row["run_id"] for row in rows} == {s.run_id for specs in asked for s in specs}
        for row in rows:
            assert run_id(RunConfig.from_columns(row), numerics) == row["run_id"]

    def test_lanes_alike_are_those_of_equal_structure(self, specs):
        words = [
            "optimizer=adamw,sgd",
            "lr=1,2",
            "grad_clip=null,1,2",
            "seeds=2",
            "model.width=8,16",
        ]
        found = specs([*words, "wd=0,1", "steps=3,4"])
        alike = {}
        for spec in found:
            protocol = spec.config.protocol.identity()
            shared = [
                spec.config.dataset.identity(), spec.config.model.identity(),
                list(spec.config.optimizer.structure()), spec.config.loss.identity(),
                {**{k: protocol[k] for k in protocol if k not in ("seed", "divergence")},
                 "grad_clip": protocol["grad_clip"] is not None},
            ]  # fmt: skip
            assert json.loads(kind_key(spec.config)) == json.loads(json.dumps(shared))
            alike.setdefault(json.dumps(shared), []).append(spec)
        assert len(group_runs(found, lambda members: 1)) == len(found)
        assert len(alike) == 16

    def test_a_file_is_read_once_a_plan_and_again_in_the_next(self, tmp_path, specs, monkeypatch):
        file = tmp_path / "d.csv"
        file.write_text("a,y\n1,0\n2,1\n")
        words = ["dataset=csv", f"dataset.path={file}", "dataset.target=y", "lr=1,2,3", "seeds=4"]
        reads, read = [], Path.read_bytes
        monkeypatch.setattr(Path, "read_bytes", lambda path: reads.append(path) or read(path))
        first = [spec.run_id for spec in specs(words)]
        assert reads == [file]
        assert [spec.run_id for spec in specs(words)] == first
        file.write_text("a,y\n1,0\n2,2\n")
        assert not set(first) & {spec.run_id for spec in specs(words)}


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
        assert "4 runs (2 trained now)" in capsys.readouterr().out
        assert len(list(results.iterdir())) == 1

    def test_study_is_no_config_group(self, tmp_path, capsys):
        """Though a folder of study files lies beside those of config groups."""
        (tmp_path / "study").mkdir()
        (tmp_path / "study" / "foo.yaml").write_text("blocks: {a: {lr: 1}}\n")
        own = Composer(str(tmp_path))
        for name in ("foo", "other"):
            assert own.run([f"study={name}"]).location.study == name
            assert own.sweep([f"study={name}", "lr=1,2"]).location.study == name
            assert own.hydra_config([f"study={name}", "lr=1"]).study == name
        with pytest.raises(ConfigError, match="goes into one study"):
            own.sweep(["study=foo,other"])
        assert main(["run", "--cfg", "all", "--config-dir", str(tmp_path), "study=foo"]) == 0
        assert "\nstudy: foo\n" in capsys.readouterr().out


def stored(specs):
    """Return the rows of runs as they are read back from a study."""
    return store._table([spec.columns() for spec in specs], store.run_schema()).to_pylist()


class TestFromColumns:
    @pytest.mark.parametrize(
        "words",
        [
            "optimizer=glob(*,exclude=torch) wd=0,0.01 grad_clip=null,1.5",
            "optimizer=sgd optimizer.momentum=0.5 optimizer.name=mine lr=0.1,1",
            "optimizer=torch optimizer.target=torch.optim.NAdam +optimizer.momentum_decay=0.1,1",
            "schedule=glob(*) optimizer.betas=[0.8,0.9],[0.9,0.99]",
            "model=glob(*,exclude=custom) loss=cross_entropy loss.label_smoothing=0,0.1",
            "model=custom model.target=torch.nn.Linear +model.in_features=40 +model.bias=true,false",
            "dataset=glob(*,exclude=[csv,npz]) dataset.subset=null,50",
            "dataset=teacher dataset.task=regression loss=mse",
            "steps=7,null epochs=3 eval.every_steps=null,2 eval.every=2.5 seed=0,9223372036854775807",
            "dtype=float64 threads=2 eval.train_examples=9",
        ],
    )
    def test_gives_the_run_again(self, composer, specs, words):
        numerics = composer.sweep(words.split()).numerics.model_dump()
        fixed = {k: v for k, v in numerics.items() if v not in (None, "auto")}
        found = specs(words.split(), CPU.model_copy(update=fixed))
        for spec, row in zip(found, stored(found), strict=True):
            again = RunConfig.from_columns(row)
            used = Numerics(**{name: row[name] for name in Numerics.model_fields})
            assert run_id(again, used) == row["run_id"] == spec.run_id
            assert again.optimizer.name == row["optimizer"]
            kept = {k: v for k, v in spec.config.settings().items() if k != "epochs"}
            assert {k: v for k, v in again.settings().items() if k != "epochs"} == kept

    def test_of_files_of_ones_own(self, specs, tmp_path):
        (tmp_path / "d.csv").write_text("a,y\n1,0\n2,1\n")
        np.savez(tmp_path / "d.npz", x=np.zeros((2, 3)), y=np.arange(2))
        for words in (["dataset=csv", "dataset.target=y", "dataset.path=d.csv"],
                      ["dataset=npz", "dataset.path=d.npz"]):  # fmt: skip
            (spec,) = specs(words)
            (row,) = stored([spec])
            assert run_id(RunConfig.from_columns(row), CPU) == spec.run_id

    def test_columns_of_an_older_version_may_be_missing(self, specs):
        (spec,) = specs(["lr=0.5"])
        (row,) = stored([spec])
        del row["optimizer.cautious"], row["eval.train_examples"]
        assert RunConfig.from_columns(row) == spec.config
