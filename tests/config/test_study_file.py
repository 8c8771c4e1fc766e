"""Study files: blocks, scales, and the overrides that their entries are."""

from collections import Counter

import pytest

from adamcmp.config import Composer, compose_study, read_study, study_files
from adamcmp.errors import ConfigError, NotFound
from tests.support.studies import STUDY_FILE


@pytest.fixture
def compose(tmp_path):
    """Return a function that writes a study file and composes its runs."""
    folder = tmp_path / "mine" / "study"
    folder.mkdir(parents=True)

    def composed(text, overrides=(), scale=None):
        (folder / "own.yaml").write_text(text)
        file = read_study("own", "mine", scale)
        return compose_study(Composer("mine"), "own", file, list(overrides), scale)

    return composed


def test_unknown_study_file():
    with pytest.raises(NotFound, match="Did you mean 'tuned'"):
        read_study("tuend")
    with pytest.raises(ConfigError, match="--config-dir nowhere: there is no such folder"):
        read_study("tuned", "nowhere")


def test_the_path_of_a_file(tmp_path):
    """The study is named after the file, and the stored command names the path."""
    path = str(tmp_path / "v1.2.yaml")
    (tmp_path / "v1.2.yaml").write_text(STUDY_FILE)
    config = compose_study(Composer(), path, read_study(path), [])
    assert config.location.study == "v1.2" and config.overrides == (f"study {path}",)


def test_a_file_of_the_user_replaces_a_built_in_one(compose, tmp_path):
    compose(STUDY_FILE)
    own = tmp_path / "mine" / "study" / "own.yaml"
    own.rename(own.with_stem("tuned"))
    assert list(read_study("tuned", "mine").blocks) == ["adam", "sgd"]


@pytest.mark.parametrize("name", study_files())
def test_every_study_file_composes(name):
    file = read_study(name)
    config = compose_study(Composer(), name, file, [])
    assert config.location.study == name and len(config.runs) > len(file.blocks)
    assert study_files()[name].read_text().startswith("# ")


def test_blocks_have_separate_grids(compose):
    """Overrides of the command line take precedence over the file's."""
    config = compose(STUDY_FILE, ["seeds=3"])
    cells = {(r.optimizer.name, r.optimizer.lr, r.optimizer.weight_decay) for r in config.runs}
    adam = {(name, lr, 0.1) for name in ("adam_l2", "adamw") for lr in (1e-3, 1e-2)}
    assert cells == adam | {("sgd", 0.1, wd) for wd in (0, 1e-3, 1e-2)}
    assert {r.protocol.seed for r in config.runs} == {0, 1, 2}
    assert config.location.study == "own" and config.overrides == ("study own", "seeds=3")


def test_seed_and_seeds_replace_each_other(compose):
    for overrides in (["seed=7"], ["seed=7,8", "seed=7"]):
        assert {r.protocol.seed for r in compose(STUDY_FILE, overrides).runs} == {7}


def test_an_override_replaces_the_other_key_of_the_same_setting(compose):
    text = "common: {epochs: 3, wd: 0.5}\nblocks: {a: {eval.every: 2}}\n"
    overrides = ["steps=7", "optimizer.weight_decay=0.1", "eval.every_steps=2"]
    (run,) = compose(text, overrides).runs
    assert (run.protocol.steps, run.optimizer.weight_decay) == (7, 0.1)
    (run,) = compose(text.replace("epochs: 3", "steps: 3"), ["epochs=2"]).runs
    assert (run.protocol.steps, run.protocol.epochs) == (None, 2)


def test_entries_are_overrides(compose):
    """A list is an axis, a list within it one value; true, null and numbers are yaml's."""
    config = compose(
        "common: {grad_clip: null, steps: 10}\n"
        "blocks:\n"
        "  a:\n"
        "    optimizer.betas: [[0.9, 0.99], [0.8, 0.999]]\n"
        "    optimizer.amsgrad: [true, false]\n"
        "    lr: 'logspace(1e-4,1e-2,3)'\n"
        "    wd: 1e-2\n"
    )
    runs = config.runs
    assert len({(r.optimizer.betas, r.optimizer.amsgrad, r.optimizer.lr) for r in runs}) == 12
    assert {r.optimizer.betas for r in runs} == {(0.9, 0.99), (0.8, 0.999)}
    assert {r.optimizer.weight_decay for r in runs} == {0.01}
    assert {(r.protocol.grad_clip, r.protocol.steps) for r in runs} == {(None, 10)}


SCALES = f"""\
{STUDY_FILE}
scales:
  full: {{}}
  less: {{common: {{seeds: 1}}, blocks: {{sgd: {{wd: 0}}}}, select: {{seeds: 2}}}}
  typo: {{blocks: {{sdg: {{wd: 0}}}}}}
"""


def test_scales(compose):
    """The entries of a scale replace those of the file; a scale without entries is no new study."""
    less, full = (compose(SCALES, scale=scale) for scale in ("less", "full"))
    assert len(less.runs) == 4 + 1 and full.runs == compose(SCALES).runs
    assert (less.location.study, full.location.study) == ("own-less", "own")
    assert less.flags[-2:] == ("--scale", "less")
    select = read_study("own", "mine", "less").select
    assert (select.seeds, select.by) == (2, "optimizer")
    with pytest.raises(NotFound, match=r"no scale 'ful'. Did you mean 'full'"):
        compose(SCALES, scale="ful")
    with pytest.raises(ConfigError, match=r"no block 'sdg'. Did you mean 'sgd'"):
        compose(SCALES, scale="typo")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("[1]", "should hold blocks"),
        ("common: {}", "should hold blocks"),
        ("block: {a: {seed: 0}}", "should hold blocks: {name: {key: value}}. Did you mean 'blocks'?"),
        ("blocks: {a: {lr: 1, lr: 2}}", "cannot be read"),
        ("blocks: {a: {optimzer: adam}}", "block 'a' of study own: There is no setting 'optimzer'"),
        ("blocks: {a: {seed: 0}}\nselct: {}", "study own: there is no entry 'selct'. Did you mean 'select'?"),
        ("blocks: {a: {seed: 0}}\nselect: {top: 0}", "study own: select.top=0: should be at least 1"),
        ("blocks: {a: {seed: 0}}\nselect: {candidates: 4}", "select.candidates=4: should be at least 5"),
        ("blocks: {a: {seed: 0}}\nselect: {candidates: 5}", "candidates and candidate_seeds should both be set"),
        ("blocks: {a: {seed: 0}}\nselect: {candidates: 5, candidate_seeds: 5, top: 2}", "top should be 1 where candidates is set"),
        ("blocks: {a: {study: x}, b: {study: y}}", "its blocks differ in study"),
        ("blocks: {a: {dtype: float32}, b: {dtype: float64}}", "its blocks differ in study"),
        ("blocks: {a: {lr: '1e-3,1e-2', sampler: tpe, n: 4}}", "sampler= is for `adamcmp sweep`"),
    ],
)  # fmt: skip
def test_invalid_files(compose, text, message):
    with pytest.raises(ConfigError) as error:
        compose(text)
    assert message in str(error.value)


def test_the_study_of_all_rules_has_every_optimizer_with_equal_budgets(composer):
    for scale in (None, "smoke"):
        file = read_study("rules", scale=scale)
        runs = compose_study(composer, "rules", file, [], scale).runs
        settings = Counter(run.optimizer.name for run in runs if run.protocol.seed == 0)
        # `torch` needs a class of the user.
        assert settings.keys() == set(composer.options("optimizer")) - {"torch"}
        assert len(set(settings.values())) == 1 and file.baseline == "adamw"
