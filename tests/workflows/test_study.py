"""Study files and their second stage."""

import json

import pytest

import adamcmp
from adamcmp.cli import main
from adamcmp.config import Composer, compose_study, read_study, study_files
from adamcmp.errors import ConfigError, NotFound


@pytest.fixture
def own(tmp_path):
    """A config folder with a study file of the user's own."""
    folder = tmp_path / "mine" / "study"
    folder.mkdir(parents=True)

    def write(text):
        (folder / "own.yaml").write_text(text)
        return "mine"

    return write


OWN = """\
# Two optimizers, each on its own grid
common: {dataset: teacher, dataset.train_examples: 200, dataset.test_examples: 50, steps: 3,
  eval.every_steps: 3, seeds: 2}
blocks:
  adam: {optimizer: [adam_l2, adamw], lr: [1e-3, 1e-2], wd: 0.1}
  sgd: {optimizer: sgd, lr: 0.1, wd: [0, 1e-3, 1e-2]}
select: {by: optimizer, top: 1, seeds: 3}
"""


@pytest.mark.parametrize("name", study_files())
def test_every_study_file_composes(name):
    file = read_study(name)
    config = compose_study(Composer(), name, file, [])
    assert config.location.study == name and len(config.runs) > len(file.blocks)
    assert study_files()[name].read_text().startswith("# ")


def test_blocks_have_grids_of_their_own(own):
    folder = own(OWN)
    config = compose_study(Composer(folder), "own", read_study("own", folder), ["seeds=3"])
    cells = {(r.optimizer.name, r.optimizer.lr, r.optimizer.weight_decay) for r in config.runs}
    adam = {(name, lr, 0.1) for name in ("adam_l2", "adamw") for lr in (1e-3, 1e-2)}
    assert cells == adam | {("sgd", 0.1, wd) for wd in (0, 1e-3, 1e-2)}
    assert {r.protocol.seed for r in config.runs} == {0, 1, 2}


def test_a_study_of_two_stages(own, results, two_plots, capsys):
    folder = own(OWN)
    overrides = ["study", "own", "--config-dir", folder, "--json"]
    assert main(overrides) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["runs"], first["trained"]) == (14, 14)
    assert (second["runs"], second["trained"]) == (9, 9)
    runs = adamcmp.load("own").runs
    fresh = runs[runs["seed"] > 1]
    assert sorted(fresh["seed"].unique()) == [2, 3, 4]
    # The oracle: the lowest mean validation error, by pandas alone.
    tried = runs[runs["seed"] < 2]
    means = tried.groupby(["optimizer", "lr", "wd"])["val_error"].mean().reset_index()
    lowest = means.groupby("optimizer")["val_error"].min()
    for optimizer, group in fresh.groupby("optimizer"):
        (cell,) = group[["lr", "wd"]].drop_duplicates().itertuples(index=False)
        at = means[(means.optimizer == optimizer) & (means.lr == cell.lr) & (means.wd == cell.wd)]
        assert at["val_error"].item() == lowest[optimizer]
    assert main(overrides) == 0
    again = [json.loads(line)["trained"] for line in capsys.readouterr().out.splitlines()]
    assert again == [0, 0]
    # It ends with the report: written with --json too, told without.
    page = results / "own" / "report" / "index.html"
    page.unlink()
    assert main(overrides[:-1]) == 0
    out = capsys.readouterr().out
    assert f"page: {page}" in out and "audit, warning: " in out and page.exists()


SCALES = (
    OWN
    + """
scales:
  full: {}
  less: {common: {seeds: 1}, blocks: {sgd: {wd: 0}}, select: {seeds: 2}}
  typo: {blocks: {sdg: {wd: 0}}}
"""
)


def test_scales(own, capsys):
    folder = own(SCALES)
    less = read_study("own", folder, "less")
    assert len(compose_study(Composer(folder), "own", less, []).runs) == 4 + 1
    assert less.select.seeds == 2 and less.select.by == "optimizer"
    assert read_study("own", folder, "full").blocks == read_study("own", folder).blocks
    with pytest.raises(NotFound, match=r"no scale 'ful'. Did you mean 'full'"):
        read_study("own", folder, "ful")
    with pytest.raises(ConfigError, match=r"no block 'sdg'. Did you mean 'sgd'"):
        read_study("own", folder, "typo")
    for scale, name in (("less", "own-less"), ("full", "own")):
        assert main(["study", "own", "--config-dir", folder, "--scale", scale, "-n", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["study"] == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("common: {}", "should hold blocks"),
        ("blocks: {a: {optimzer: adam}}", "block 'a' of study own: There is no setting 'optimzer'"),
        ("blocks: {a: {seed: 0}}\nselct: {}", "no setting 'study own.selct'. Did you mean"),
        ("blocks: {a: {seed: 0}}\nselect: {top: 0}", "select"),
        ("blocks: {a: {study: x}, b: {study: y}}", "its blocks differ in study"),
    ],
)
def test_bad_study_files(own, text, message):
    folder = own(text)
    with pytest.raises(ConfigError, match=message):
        compose_study(Composer(folder), "own", read_study("own", folder), [])


def test_unknown_study_file():
    with pytest.raises(NotFound, match="Did you mean 'tuned'"):
        read_study("tuend")
