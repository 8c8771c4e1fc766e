"""Update rules of the user's code: import, identity, columns."""

import json

import pytest

from adamcmp.components.user_rule import import_rule
from adamcmp.config import build_component
from adamcmp.config.columns import component_columns, component_from_columns, setting_types
from adamcmp.errors import ConfigError

pytestmark = pytest.mark.usefixtures("any_code")
RULES = "tests.support.user_rules"


def lion(**settings):
    values = {"name": "own", "rule": f"{RULES}.Lion", "coupling": "decoupled", "lr": 0.1}
    return build_component("optimizer", {**values, **settings})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Incomplete", "the class does not define numbers"),
        ("WithoutNumberFields", r"needs number_fields: .*, of \['momentum'\]"),
        ("UnknownNumber", r"number_fields names \['factors'\], which are no settings"),
        ("Lions", "has no 'Lions'. Did you mean 'L"),
        ("zeros_like", "should be the dotted path of a class derived from adamcmp.components"),
    ],
)
def test_classes_that_are_no_rules(name, message):
    with pytest.raises(ConfigError, match=rf"^optimizer.rule={RULES}.{name}: .*{message}"):
        import_rule(f"{RULES}.{name}")


def test_settings_of_a_users_rule_are_validated():
    with pytest.raises(ConfigError, match="beta1=high: should be a number"):
        lion(beta1="high")
    with pytest.raises(ConfigError, match=r"no setting 'optimizer.beta3'. Did you mean 'beta"):
        lion(beta3=0.5)


def test_the_source_is_part_of_the_identity(tmp_path):
    def identity(text):
        (tmp_path / "ownrule.py").write_text(text)
        optimizer = lion(rule="ownrule.Own")
        return optimizer.identity(), optimizer.structure()

    code = f"from {RULES} import Lion\n\n\nclass Own(Lion):\n    pass\n"
    first, structure = identity(code)
    assert len(first["sha256"]) == 64 and first["beta1"] == 0.9
    assert ("sha256", first["sha256"]) in structure
    assert identity(code + "# the same\n")[0] == first
    assert identity(code + "    other = 1\n")[0] != first


def test_its_settings_are_one_column():
    optimizer = lion(beta1=0.5)
    row = component_columns(optimizer, "optimizer")
    assert json.loads(row["optimizer.arguments"]) == {"beta1": 0.5, "beta2": 0.99}
    assert set(row) <= {*setting_types(), "optimizer.name"}
    assert component_from_columns("optimizer", {**row, "optimizer": "own"}) == optimizer
