"""torchvision's import, which relies on how its operators are registered."""

import re
from importlib.metadata import version
from pathlib import Path

import adamcmp
from adamcmp.platform.torchvision_import import torchvision

#: Versions that can be imported with a CPU build of torch, as major.minor.
VERSIONS_RUN = {"0.28"}


def test_this_version_of_torchvision_was_run():
    installed = version("torchvision").partition("+")[0].rpartition(".")[0]
    assert installed in VERSIONS_RUN, "run the tests of datasets and models, then add it"


def test_nothing_else_imports_torchvision():
    package = Path(adamcmp.__file__).parent
    imports = re.compile(r"^ *(from|import) +torchvision\b", re.MULTILINE)
    assert not [file for file in package.rglob("*.py") if imports.search(file.read_text())]


def test_datasets_and_models_can_be_imported():
    assert hasattr(torchvision("datasets"), "MNIST")
    assert hasattr(torchvision("models"), "resnet18")
