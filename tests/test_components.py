"""Tests of every yaml file and component: a new one is tested without writing a test."""

import contextlib
from pathlib import Path

import adamcmp.configs
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from adamcmp.components.data import Data, Shape, Split
from adamcmp.components.datasets import Dataset
from adamcmp.components.names import OPTIONS_OF
from adamcmp.config import CONFIG_GROUPS, Composer, Eval, build_component, component_defaults
from adamcmp.config.sections import TOP_LEVEL_SECTIONS
from adamcmp.errors import ConfigError
from adamcmp.planning.grouping import LaneGroup
from adamcmp.training.checks import check_run
from adamcmp.training.conformance import check_dataset, check_lanes, check_state, small_runs
from adamcmp.training.outcome import Done
from adamcmp.training.train import train_group
from adamcmp.workflows.components import describe
from tests.conftest import CPU
from tests.support.training import check_fused_lanes

FOLDER = Path(adamcmp.configs.__file__).parent
YAMLS = sorted(file for file in FOLDER.glob("*/[!_]*.yaml") if file.parent.name != "study")

#: Datasets that torchvision downloads.
DOWNLOADED = [y.stem for y in YAMLS if y.parent.name == "dataset" and "\nroot:" in y.read_text()]
#: Datasets of users, which only they have.
USERS = [y.stem for y in YAMLS if y.parent.name == "dataset" and "\nstratify:" in y.read_text()]
#: Overrides that a yaml needs: the user's class or file. Another folder than the default one keeps
#: the images that stand in for downloaded ones out of the cache of other tests.
REQUIRED = {
    **{f"dataset/{name}": ["dataset.root=stand_in"] for name in DOWNLOADED},
    "optimizer/torch": ["optimizer.target=torch.optim.Adagrad"],
    "model/custom": ["model.target=own_net.Net", "+model.scale=0.5"],
    "dataset/csv": ["dataset.path=data.csv", "dataset.target=y"],
    "dataset/npz": ["dataset.path=data.npz"],
    "dataset/imagefolder": ["dataset.path=images", "dataset.size=8"],
    "dataset/parquet": ["dataset.path=data.parquet", "dataset.target=y"],
    "dataset/custom": ["dataset.target=own_data.make", "+dataset.rows=60"],
    "executor/ray": ["executor.address=local"],
    "model/torchvision": ["model.arch=shufflenet_v2_x0_5"],  # not required: the default is slow
}
#: A smaller network of the same layers, where results of several groups are compared.
FEWER_LAYERS = {"model/resnet": ["model.depth=8"], "model/vit": ["model.depth=1"]}
#: Problems that a model is tried on: rows, and images for a model that rejects rows.
PROBLEMS = (
    ["dataset=teacher", "dataset.train_examples=100", "dataset.test_examples=30"],
    ["dataset=digits", "subset=60"],
)
SMALL = ["steps=3", "eval.every_steps=2", "batch_size=16", "eval.train_examples=32"]


def label(yaml: Path) -> str:
    return f"{yaml.parent.name}/{yaml.stem}"


def models():
    """Return the yaml files of models; that of torchvision is marked as slow."""
    yamls = [yaml for yaml in YAMLS if yaml.parent.name == "model"]
    return [pytest.param(y, marks=[pytest.mark.slow] * (y.stem == "torchvision")) for y in yamls]


@pytest.fixture(scope="module")
def folder_of_user_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("user_files")
    write_user_files(folder)
    return folder


@pytest.fixture
def user_files(folder_of_user_files, monkeypatch):
    """Run the test in a folder with the files that `REQUIRED` names."""
    monkeypatch.chdir(folder_of_user_files)


def write_user_files(folder):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 5)), np.arange(60) % 3
    rows = "\n".join(",".join(map(str, [*row, target])) for row, target in zip(x, y, strict=True))
    (folder / "data.csv").write_text(f"a,b,c,d,e,y\n{rows}\n")
    np.savez(folder / "data.npz", x=x, y=y)
    pd.DataFrame(x, columns=list("abcde")).assign(y=y).to_parquet(folder / "data.parquet")
    for number, pixels in enumerate(rng.integers(0, 256, (60, 9, 8, 3), np.uint8)):
        images = folder / "images" / f"class_{number % 3}"
        images.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(images / f"{number}.png")
    (folder / "own_data.py").write_text(
        "import numpy as np\n"
        "def make(rows):\n"
        "    return np.random.standard_normal((rows, 5)), np.arange(rows) % 3\n"
    )
    (folder / "own_net.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    def __init__(self, inputs, outputs, scale):\n"
        "        super().__init__()\n"
        "        self.line = torch.nn.Linear(inputs[0], outputs)\n"
        "        self.unused = torch.nn.Parameter(torch.zeros(2))\n"
        "        self.scale = scale\n"
        "    def forward(self, x):\n"
        "        return torch.nn.functional.dropout(self.line(x), 0.1, self.training) * self.scale\n"
    )


@pytest.fixture
def tiny_downloads(monkeypatch):
    """A few random images of the same shape stand in for what must be downloaded."""

    def read(dataset: Dataset) -> tuple[Split, Split]:
        size = (1, 28, 28) if "mnist" in dataset.name else (3, 32, 32)
        rng = np.random.default_rng(0)
        x = rng.random((60, *size)).astype(np.float32)
        return Split(x[:48], np.arange(48) % 10), Split(x[48:], np.arange(12) % 10)

    for name in DOWNLOADED:
        monkeypatch.setattr(CONFIG_GROUPS["dataset"].component(name), "read", read)


def specs_that_fit(specs, overrides):
    """Return the runs of `overrides` on the first problem that the model accepts."""
    for problem in PROBLEMS:
        planned = specs([*problem, *overrides])
        with contextlib.suppress(ConfigError):
            check_run(planned[0].config)
            return planned
    raise AssertionError(f"{overrides} accepts neither rows nor images")


@pytest.mark.parametrize("yaml", models(), ids=label)
def test_lanes_of_a_model_do_not_depend_on_their_group(yaml, specs, user_files):
    """A run alone and after others has the same bits, also if it is stopped and resumed.

    Each run is trained by itself; `test_bit_identity.py` trains models whose lanes are fused.
    """
    options = [*REQUIRED.get(label(yaml), []), *FEWER_LAYERS.get(label(yaml), [])]
    overrides = [f"model={yaml.stem}", *options, *SMALL, "lr=1e-2"]
    runs = small_runs(specs_that_fit(specs, overrides)[0].config, CPU)
    assert "one at a time" in check_lanes(runs)
    assert "the same bits" in check_state(runs)


@pytest.mark.parametrize("yaml", YAMLS, ids=label)
def test_every_yaml_trains(yaml, specs, user_files, tiny_downloads):
    """It has a description, composes, validates and trains; its rows fit the schema."""
    assert len(describe(yaml)) > 10, "the first line of a yaml describes it"
    group = yaml.parent.name
    overrides = [f"{group}={yaml.stem}", *REQUIRED.get(label(yaml), []), *SMALL]
    (spec,) = specs_that_fit(specs, overrides) if group == "model" else specs(overrides)
    outcome = train_group(LaneGroup((spec,)))
    assert isinstance(outcome, Done), outcome
    (row,) = outcome.runs
    assert row["status"] == "done" and np.isfinite(row["train_loss"])
    from adamcmp.storage.arrow import METRIC_SCHEMA, run_schema, table_of_rows

    assert table_of_rows(outcome.runs, run_schema()).num_rows == 1
    assert table_of_rows(outcome.metrics, METRIC_SCHEMA).num_rows == 3


@pytest.mark.parametrize("yaml", YAMLS, ids=label)
def test_a_yaml_has_every_setting(yaml):
    """So that Hydra accepts each setting without a +."""
    group = yaml.parent.name
    composed = Composer().compose([f"{group}={yaml.stem}"])[group]
    component = CONFIG_GROUPS[group].component(composed[CONFIG_GROUPS[group].name_field])
    assert set(composed) == set(component.model_fields)
    assert component.__doc__


@pytest.mark.parametrize("yaml", YAMLS, ids=label)
def test_defaults_of_a_class_are_those_of_its_yaml(yaml):
    """Variants of a rule, such as adamw.yaml, differ from it on purpose."""
    group = CONFIG_GROUPS[yaml.parent.name]
    values = component_defaults(yaml.parent.name, yaml.stem)
    if values[group.name_field] != yaml.stem:
        return
    fields = group.component(yaml.stem).model_fields.items()
    defaults = {
        name: field.get_default(call_default_factory=True)
        for name, field in fields
        if not field.is_required()
    }
    assert _plain(defaults) == {name: values[name] for name in defaults}


def test_defaults_of_top_level_sections_are_those_of_config_yaml():
    values = Composer().compose(["dataset=teacher"])  # without defaults for the dataset
    for section in (*TOP_LEVEL_SECTIONS.values(), Eval):
        fields = {k: f for k, f in section.model_fields.items() if k != "eval"}
        defaults = {k: f.get_default() for k, f in fields.items() if not f.is_required()}
        source = values["eval"] if section is Eval else values
        assert _plain(defaults) == {name: source[name] for name in defaults}


def _plain(values):
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


@pytest.mark.parametrize("group", [g for g in CONFIG_GROUPS if g not in OPTIONS_OF])
def test_every_file_has_a_yaml_and_every_yaml_a_file(group):
    spec = CONFIG_GROUPS[group]
    used = {
        Composer().compose([f"{group}={y.stem}"])[group][spec.name_field]
        for y in FOLDER.glob(f"{group}/[!_]*.yaml")
    }
    assert used == set(spec.names)
    for name in spec.names:
        assert spec.component(name).__doc__


def test_initial_weights_depend_only_on_the_seed(specs):
    """Not on the optimizer, the lane, or earlier random draws."""
    overrides = ["optimizer=adam,sgd", "wd=0", "seed=0,1", *SMALL]
    starts = {}
    for spec in specs(overrides):
        torch.rand(3)
        start = train_group(LaneGroup((spec,))).metrics[0]
        starts.setdefault(spec.config.protocol.seed, set()).add(start["param_norm"])
    assert [len(norms) for norms in starts.values()] == [1, 1]
    assert starts[0] != starts[1]


@pytest.mark.parametrize("name", [n for n in CONFIG_GROUPS["model"].names if n != "custom"])
def test_models_depend_only_on_their_seed(name):
    image = name in ("cnn", "resnet", "torchvision")
    shape = Shape((1, 32, 32) if image else (40,), 10, "classification")
    model = build_component("model", component_defaults("model", name))

    def weights(seed):
        torch.manual_seed(seed)
        return torch.cat([p.detach().flatten() for p in model.build(shape).parameters()])

    assert torch.equal(weights(1), weights(1)) and not torch.equal(weights(1), weights(2))


@pytest.mark.parametrize(
    "yaml",
    [y for y in YAMLS if y.parent.name == "dataset" and y.stem not in USERS],
    ids=label,
)
def test_datasets_are_valid_and_reproducible(yaml, tiny_downloads):
    """Disjoint splits, finite inputs, classes from 0, the same again for the same seed."""
    values = component_defaults("dataset", yaml.stem)
    dataset = build_component("dataset", values)
    check_dataset(dataset)
    data = dataset.load()
    assert isinstance(data, Data)
    for name in ("train", "val", "test"):
        split = getattr(data, name)
        assert len(split) and split.x.shape[1:] == data.shape.inputs
        assert np.isfinite(split.x).all()
        assert split.y.min() >= 0 and split.y.max() < data.shape.outputs
    small = {**values, "subset": 40}
    clean, noisy = (
        build_component("dataset", {**small, "label_noise": noise}).load() for noise in (0.0, 0.5)
    )
    assert len(noisy.train) + len(noisy.val) == 40
    assert (clean.train.y != noisy.train.y).mean() == pytest.approx(0.5)
    rows = [row.tobytes() for split in (data.train, data.val, data.test) for row in split.x]
    # Real data has a few duplicates; overlapping splits would duplicate a tenth of it.
    assert len(set(rows)) > 0.99 * len(rows)


RULES = [y for y in YAMLS if y.parent.name == "optimizer" and y.stem != "torch"]


#: Settings with which a rule decays the weights, or changes its state, within ten steps.
WITHIN_TEN_STEPS = {
    "adam": ["optimizer.coupling=independent"],
    "asgd": ["optimizer.t0=2"],
    "rprop": ["optimizer.coupling=l2"],
    "soap": ["optimizer.precondition_frequency=2"],
}


def tiny_lanes(specs, overrides, decays=(0.1, 0.03, 0.01)):
    """Return three runs of ten steps that differ in every number.

    The network has a hidden matrix, which Muon and norm treat differently. Dataset and model are
    the default ones, with which other tests have composed each optimizer.
    """
    model = ["model.width=4", "model.depth=1", "subset=40", "batch_size=4"]
    steps = ["steps=10", "eval.every_steps=5", "eval.train_examples=20"]
    numbers = zip((1e-2, 3e-3, 1e-3), decays, (0, 1, 2), strict=True)
    return [
        specs([*model, *steps, *overrides, f"lr={lr}", f"wd={wd}", f"seed={seed}"])[0]
        for lr, wd, seed in numbers
    ]


@pytest.mark.parametrize("yaml", RULES, ids=label)
def test_lanes_of_a_rule_do_not_depend_on_their_group(yaml, specs, tmp_path):
    """Fused lanes have the same bits alone and after a resume, just before RAdam rectifies."""
    overrides = [f"optimizer={yaml.stem}", *WITHIN_TEN_STEPS.get(yaml.stem, [])]
    lanes = tiny_lanes(specs, overrides)
    assert all(lane.config.optimizer.coupling != "none" for lane in lanes)
    check_fused_lanes(lanes, tmp_path, stop=5)


@pytest.mark.slow
@pytest.mark.parametrize("yaml", RULES, ids=label)
def test_a_single_run_of_a_rule_resumes_with_the_same_bits(yaml, specs):
    """As it is trained on a CPU without compilation: one lane, whose parameters are concatenated."""
    overrides = [f"optimizer={yaml.stem}", *WITHIN_TEN_STEPS.get(yaml.stem, [])]
    runs = small_runs(tiny_lanes(specs, overrides)[0].config, CPU)
    assert "the same bits" in check_state(runs)


@pytest.mark.parametrize(
    "options",
    [
        ["optimizer=sgd", "optimizer.sam_rho=0.1", "optimizer.groups.head.lr_scale=0.5"],
        ["optimizer=adamw", "optimizer.lookahead_steps=2", "optimizer.cautious_updates=true"],
        ["optimizer=adam", "optimizer.coupling=norm"],
        [
            "optimizer=adamw",
            "optimizer.groups.first.match=1.*",
            "optimizer.groups.first.lr_scale=0",
        ],
    ],
    ids=lambda options: options[1],
)
def test_lanes_with_groups_and_wrappers_do_not_depend_on_their_group(options, specs, tmp_path):
    """The stop is between two steps of Lookahead's slow weights."""
    norm = "optimizer.coupling=norm" in options
    decays = {"decays": (0, 0, 0)} if norm else {}
    check_fused_lanes(tiny_lanes(specs, options, **decays), tmp_path, stop=5)


@pytest.mark.parametrize("yaml", RULES, ids=label)
def test_optimizers_lower_a_quadratic(yaml):
    """200 steps on ½‖θ − 1‖² from 0 halve the distance to the minimum."""
    variant = build_component("optimizer", component_defaults("optimizer", yaml.stem))
    optimizer = variant.chain()
    params = {"w": torch.zeros(3, 2, dtype=torch.float64)}
    hypers = {k: torch.tensor(v, dtype=torch.float64) for k, v in variant.hypers().items()}
    hypers |= {"multiplier": torch.tensor(1.0), "lr": hypers["lr"].clamp(min=0.1)}
    state = optimizer.init(params)
    for t in range(200):
        before = params["w"].clone()
        updates, state = optimizer.update(
            {"w": params["w"] - 1}, state, params, hypers, torch.tensor(t + 1.0)
        )
        assert torch.equal(params["w"], before), "transformations do not modify their arguments"
        params = {"w": params["w"] + updates["w"]}
    assert (params["w"] - 1).norm() < 0.5 * 6**0.5
