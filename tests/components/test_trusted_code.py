"""Code of users is imported only if the user named or allowed it."""

import inspect

import pytest

from adamcmp.components import user_class, user_rule
from adamcmp.components.groups import CONFIG_GROUPS
from adamcmp.components.trusted_code import (
    ANY_CODE,
    TrustedCode,
    UntrustedCode,
    check_code,
    settings_of,
    trust,
    trusted_code,
    trusting,
)
from adamcmp.config import build_component


@pytest.mark.parametrize(
    ("override", "included"),
    [
        ("model.target=nets.Net", True),
        ("model.target=other.Net,nets.Net", True),
        ("optimizer={rule: nets.Net}", True),
        ('+optimizer.groups.head.target="nets.Net"', True),
        ("model.target=nets.Network", False),
        ("model.target=my.nets.Net", False),
        ("model.target=nets_Net", False),
        ("model.target=nets.Net.Inner", False),
        ("nets=1", False),
    ],
)
def test_a_class_is_trusted_if_its_whole_path_is_named(override, included):
    assert TrustedCode(named_in=("lr=0.1", override)).includes("nets.Net") == included


def test_yaml_files_of_the_config_folder_name_code(tmp_path):
    (tmp_path / "configs/optimizer").mkdir(parents=True)
    (tmp_path / "configs/optimizer/mine.yaml").write_text("rule: rules.Mine\n")
    (tmp_path / "configs/notes.txt").write_text("rules.Other\n")
    code = TrustedCode(config_dir=str(tmp_path / "configs"))
    assert code.includes("rules.Mine") and not code.includes("rules.Other")


def test_nothing_is_trusted_by_default():
    assert trusted_code() == TrustedCode()
    message = r"^theirs.yaml names code: model.target=evil.Net. .* --allow-code \(in Python: allow"
    with settings_of("theirs.yaml"), pytest.raises(UntrustedCode, match=message):
        check_code("evil.Net", "model.target")


def test_trust_ends_with_its_block():
    with trusting(ANY_CODE):
        check_code("evil.Net", "model.target")
        with trusting(TrustedCode(named_in=("nets.Net",))), pytest.raises(UntrustedCode):
            check_code("evil.Net", "model.target")
        trust(TrustedCode())
        assert trusted_code() == TrustedCode()
    assert trusted_code() == TrustedCode()


TORCH = {"name": "torch", "rule": "torch", "coupling": "native", "lr": 0.1}


@pytest.mark.parametrize(
    ("group", "values", "key"),
    [
        ("model", {"name": "custom", "target": "evil.Net"}, "model.target=evil.Net"),
        ("dataset", {"name": "custom", "target": "evil.make"}, "dataset.target=evil.make"),
        ("optimizer", {**TORCH, "target": "evil.SGD"}, "optimizer.target=evil.SGD"),
        (
            "optimizer",
            {**TORCH, "target": "torch.optim.SGD", "groups": {"head": {"target": "evil.SGD"}}},
            "optimizer.groups.head.target=evil.SGD",
        ),
        ("optimizer", {"name": "o", "rule": "evil.Rule", "lr": 0.1}, "optimizer.rule=evil.Rule"),
    ],
)
def test_each_component_that_imports_a_class_checks_it(group, values, key, tmp_path):
    (tmp_path / "evil.py").write_text("open('imported', 'w')\n")
    with pytest.raises(UntrustedCode, match=f"names code: {key}. "):
        build_component(group, values)
    assert not (tmp_path / "imported").exists()


def test_classes_of_torch_are_trusted():
    optimizer = build_component("optimizer", {**TORCH, "target": "torch.optim.RAdam"})
    assert optimizer.imported_code() == {}


def test_all_components_that_import_classes_name_them():
    """Each module that imports users' code is known here, and its component says what it imports."""
    importers = {"import_class", "import_object", "source_digest"}
    components = [group.component(name) for group in CONFIG_GROUPS.values() for name in group.names]
    importing = {
        component
        for component in components
        for base in component.__mro__
        if importers & vars(inspect.getmodule(base)).keys()
    }
    assert importing
    for component in importing:
        assert "imported_code" in {name for base in component.__mro__[:-4] for name in vars(base)}
    assert inspect.getsource(user_rule.import_rule).count("check_code(path, key)") == 1
    assert importers <= vars(user_class).keys()
