"""torchvision's import, which relies on how its operators are registered."""

from importlib.metadata import version

from adamcmp.platform.torchvision_import import torchvision

#: Versions that can be imported with a CPU build of torch, and whose datasets can be read.
VERSIONS_RUN = {"0.28"}


def test_this_version_of_torchvision_was_run():
    installed = version("torchvision").partition("+")[0].rpartition(".")[0]
    assert installed in VERSIONS_RUN, "run the tests of datasets and models, then add it"


def test_datasets_and_models_can_be_imported():
    assert hasattr(torchvision("datasets"), "MNIST")
    assert hasattr(torchvision("models"), "resnet18")
