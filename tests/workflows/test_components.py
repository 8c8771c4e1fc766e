"""Components and their descriptions."""

import pytest

from adamcmp.components.names import CONFIG_GROUP_NAMES, OPTIONS_OF
from adamcmp.errors import ConfigError, NotFound
from adamcmp.workflows.components import describe, list_components


def test_every_group_is_listed():
    components = list_components()
    assert tuple(components) == tuple(n for n in CONFIG_GROUP_NAMES if n not in OPTIONS_OF)
    assert list_components("wd_schedule") == {"wd_schedule": components["schedule"]}
    assert components["loss"] == list_components("loss")["loss"]
    for names in components.values():
        assert list(names) == sorted(names) and all(names.values())


def test_files_of_the_user_are_listed(tmp_path):
    folder = tmp_path / "mine" / "optimizer"
    folder.mkdir(parents=True)
    (folder / "own.yaml").write_text("# My optimizer\ndefaults: [adamw]\n")
    listed = list_components("optimizer", "mine")["optimizer"]
    assert listed == list_components("optimizer")["optimizer"] | {"own": "My optimizer"}


@pytest.mark.parametrize(
    ("text", "description"),
    [("# Adam\nlr: 1\n", "Adam"), ("lr: 1\n# Adam\n", ""), ("", ""), ("#  x  ", "x")],
)
def test_a_description_is_the_leading_comment(text, description, tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(text)
    assert describe(file) == description


def test_what_does_not_exist():
    with pytest.raises(NotFound, match=r"no group 'optimiser'\. Did you mean 'optimizer'"):
        list_components("optimiser")
    with pytest.raises(ConfigError, match="--config-dir nowhere: there is no such folder"):
        list_components(config_dir="nowhere")
