"""Parsing of overrides: axes, pairs, sweep functions, and what is rejected."""

import pytest

from adamcmp.errors import ConfigError


def values(composer, override):
    """Return the values of one axis as texts."""
    (axis,) = composer.parse([override]).axes
    texts = [[o.input_line.split("=", 1)[1] for o in value] for value in axis.values]
    return [",".join(text) for text in texts]


@pytest.mark.parametrize(
    ("override", "expected"),
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
        ("lr=range(0.1,0.45,0.1)", ["0.1", "0.2", "0.3", "0.4"]),
        ("lr=sort(range(1.3,0,-0.5))", ["0.3", "0.8", "1.3"]),
        ("lr=sort(range(1.3,0,-0.5),reverse=true)", ["1.3", "0.8", "0.3"]),
        ("seed=sort(range(0,10,3),reverse=true)", ["9", "6", "3", "0"]),
        ("seed=sort(range(10,0,-3))", ["1", "4", "7", "10"]),
        ("seed=int(range(0.5,3,0.5))", ["0", "1", "1", "2", "2"]),
        ("lr=float(range(stop=3,start=1))", ["1.0", "2.0"]),
        ("lr=tag(log,range(1,3))", ["1", "2"]),
        ("lr=choice(range(1,3))", ["1", "2"]),
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
def test_values(composer, override, expected):
    assert values(composer, override) == expected


def test_shuffled_values_are_the_same_set(composer):
    assert sorted(values(composer, "wd=shuffle(0,powers(2,-2,-1))")) == ["0", "0.25", "0.5"]


def test_typed_by_hand_or_by_a_function_is_the_same_run(specs):
    one = specs(["lr=logspace(1e-4,1e-1,4)", "wd=powers(2,-2,0)", "seeds=2"])
    other = specs(["lr=1e-1,1e-2,0.001,1e-4", "wd=0.25,.5,1.0", "seed=1,0"])
    assert {spec.run_id for spec in one} == {spec.run_id for spec in other}


@pytest.mark.parametrize("study", ["2024", "123", "1_0", "1e3", "true", "2024.0"])
def test_text_that_looks_like_another_type(composer, study):
    assert composer.sweep([f"study={study}", "seeds=2"]).location.study == study


@pytest.mark.parametrize(
    "typed",
    [
        "dataset.target=1_0,2,1e3,true,b",
        "dataset.target=choice(1_0,2,1e3,true,b)",
        "dataset.target=choice(1_0,2),1e3,true,b",
        "dataset.target,seed=1_0:0,2:0,1e3:0,true:0,b:0",
    ],
)
def test_several_texts_that_look_like_another_type(composer, typed):
    space = ["dataset=csv", "dataset.path=x.csv", typed]
    targets = [run.dataset.target for run in composer.sweep(space).runs]
    assert targets == ["1_0", "2", "1e3", "true", "b"]


@pytest.mark.parametrize(
    "path", ["a=b.csv", "ü.csv", "it's.csv", "~/x (1).csv", "a:b", "1_0", "x#y", 'say "a".csv']
)
def test_text_needs_no_quotes(composer, path):
    run = composer.run(["dataset=csv", f"dataset.path={path}", "dataset.target=y"]).runs[0]
    assert run.dataset.path == path
    composer.config_yaml(["dataset=csv", f"dataset.path={path}"], "all")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("lr=0.1", "lr=0.2,0.3"),
        ("optimizer=adam", "optimizer=sgd"),
        ("wd=0.1", "optimizer.weight_decay=0.2"),
        ("lr,wd=1:2", "lr,wd=3:4"),
        ("seeds=2", "seeds=3"),
    ],
)
def test_the_last_override_of_a_key_counts(composer, first, second):
    both, last = composer.sweep([first, second]), composer.sweep([second])
    assert both.runs == last.runs and not last.notices
    assert both.notices == (f"{first} has no effect, since {second} follows.",)


def test_equal_overrides_need_no_notice(composer):
    assert not composer.sweep(["lr=0.1", "wd=0.1", "lr=0.1"]).notices


def test_null_excludes_no_alternative(composer):
    assert composer.run(["steps=null", "epochs=3"]).runs[0].protocol.epochs == 3


def test_pairs_go_together(composer):
    runs = composer.sweep(["optimizer,lr=sgd:0.1,adamw:1e-3", "wd,seed=0:1,0.5:2"]).runs
    shown = [
        (r.optimizer.name, r.optimizer.lr, r.optimizer.weight_decay, r.protocol.seed) for r in runs
    ]
    assert shown == [
        ("sgd", 0.1, 0.0, 1), ("sgd", 0.1, 0.5, 2), ("adamw", 0.001, 0.0, 1), ("adamw", 0.001, 0.5, 2),
    ]  # fmt: skip


def test_intervals_are_left_to_a_sampler(composer):
    space = composer.parse(
        ["lr=tag(log,interval(1e-4,1e-1))", "epochs=int(interval(1,9))", "wd=0,1", "seed=3"]
    )
    lr, epochs = (override.value() for override in space.intervals)
    assert (lr.start, lr.end, lr.tags) == (1e-4, 1e-1, {"log"})
    assert (epochs.start, epochs.end) == (1, 9) and isinstance(epochs.start, int)
    assert [override.input_line for override in space.fixed] == ["seed=3"]
    assert [axis.keys for axis in space.axes] == [("optimizer.weight_decay",)]


REJECTED = [
    ("lr=logspace(1e-4,1e-1)", "lr=logspace(1e-4,1e-1): missing a required argument: 'n'"),
    ("lr=logspace(0,1,3)", "lr=logspace(0,1,3): logspace takes a start and a stop above 0"),
    ("lr=logspace(1,2,0)", "lr=logspace(1,2,0): logspace takes 1 to 100,000 numbers, not n=0"),
    ("lr=linspace(1,2,1000000000)", "linspace takes 1 to 100,000 numbers"),
    ("lr=linspace(0,inf,3)", "lr=linspace(0,inf,3): inf is not a finite number"),
    ("lr=linspace(1,nan,3)", "nan is not a finite number"),
    (f"lr=powers({10**400},1,2)", "numbers are at most 1.8e308"),
    ("seeds=1000000000", "seed=range(1000000000): range takes at most 100,000 numbers, not 1,000,000,000"),
    ("seed=range(0,0)", "seed=range(0,0): range has no values, since its stop is not beyond its start"),
    ("lr=1,range(0,1,-0.1)", "lr=1,range(0,1,-0.1): range has no values"),
    ("optimizer=glob(x*)", "optimizer: the sweep has no values"),
    ("lr=range(1,1001) wd=range(0,1001)", "These overrides define 1,001,000 runs; a study holds at most 1,000,000"),
    ("lr=linspace(1,2,2.5)", "lr=linspace(1,2,2.5): mismatch type argument n"),
    ("wd=powers(2,-4,-12)", "wd=powers(2,-4,-12): powers takes the lower exponent first: powers(2,-12,-4)"),
    ("wd=powers(0,1,2)", "a base above 0"),
    ("wd=powers(10,1,400)", "10^400 is too large"),
    ("wd=powers(2,1,100000)", "exponents between -1100 and 1100"),
    ("lr=logspac(1,2,3)", "there is no function 'logspac'. Did you mean 'logspace'?"),
    ("lr=interval(0,1)", "lr=interval(0,1): an interval has no list of values: it needs sampler=random|sobol|tpe|cmaes n=64"),
    ("lr=1,interval(0,1)", "lr=1,interval(0,1): an interval has no list of values"),
    ("optimizer.betas=[0.9,choice(0.8,0.9)]", "one element of a list cannot have several values"),
    ("lr=1,[choice(0.8,0.9)]", "one element of a list cannot have several values"),
    ("seed=range(0,5,0)", "seed=range(0,5,0): range takes a step other than 0"),
    ("lr=range(0,0.5,0.0)", "range takes a step other than 0"),
    ("seeds=0", "seeds=0: should be a whole number of at least 1"),
    ("seeds=two", "seeds=two: should be a whole number"),
    ("seeds=1,2", "seeds=1,2: should be a whole number"),
    ("seed=1 seeds=2", "seed=1 and seeds=2: set only one of them"),
    ("seed,lr=1:1 seeds=2", "seed,lr=1:1 and seeds=2: set only one of them."),
    ("epochs=3 steps=10,20", "epochs=3 and steps=10,20: set only one of them."),
    ("eval.every=3 eval.every_steps=10", "eval.every=3 and eval.every_steps=10: set only one of them."),
    ("lr,wd=1:2,3", "3 should hold 2 values, one per key: paired settings are lr,wd=a1:a2,b1:b2"),
    ("lr,wd=1:2:3", "1:2:3 should hold 2 values"),
    ("lr,wd=1:", "1: should hold 2 values"),
    ("zip(lr,wd)=(1,2,3)", "(1,2,3) should hold 2 values"),
    ("lr,wd=range(1,4):range(1,3)", "3 values of lr but 2 values of wd; paired keys need equally many values"),
    ("lr,wd=range(1,4):1", "3 values of lr but 1 values of wd"),
    ("lr,optimizer.lr=1:2", "a key is set twice"),
    ("lr,wd=1:2 wd=3", "lr,wd=1:2 and wd=3: set only one of them"),
    ("lr,wd=1:#", "Cannot read 'lr,wd=1:#'"),
    ("zip(lr,wd=1", "Cannot read 'zip(lr,wd=1'"),
    ("lr,wrong=1:2,3:4", "There is no setting 'wrong'"),
    ("lr,wd=-1:0,1:0", "lr=-1: should be at least 0"),
    ("optimizer,lr=adamw:1,nope:1", "optimizer=nope: there is no such optimizer"),
    ("optimizer=[1],sgd", "optimizer=1: there is no such optimizer"),
    ("optimizer=adamw,sgd optimizer.momentum=0,0.9", "no setting 'optimizer.momentum' of optimizer=adamw"),
    ("optimizer=sgd,adam_l2 optimizer.momentum=0,0.9", "Only optimizer=sgd has it: train several sweeps into one study (study=NAME), or write a study file with a block for each optimizer."),
    ("eval=3,4", "eval=3: "),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "message"), REJECTED, ids=[row[0] for row in REJECTED])
def test_rejected(composer, overrides, message):
    with pytest.raises(ConfigError) as error:
        composer.sweep(overrides.split())
    assert message in str(error.value)
