"""Finding the GPU, with a stub library in place of the CUDA driver."""

import ctypes
import subprocess

import pytest
import torch

from adamcmp.platform import gpu
from adamcmp.platform.provenance import cpp_compiler
from tests.conftest import needs_compiler

DRIVER = """
#include <string.h>
extern "C" {
int cuInit(unsigned flags) { return INIT; }
int cuDriverGetVersion(int *version) { *version = VERSION; return 0; }
int cuDeviceGetCount(int *count) { *count = COUNT; return 0; }
int cuDeviceGet(int *device, int place) { *device = 40 + place; return 0; }
int cuDeviceGetName(char *name, int size, int device) {
    strncpy(name, device == 40 ? "NVIDIA of paper" : "another", size);
    return 0;
}
}
"""


@pytest.fixture
def driver(tmp_path):
    def make(init=0, version=13000, count=1):
        source, library = tmp_path / "driver.cpp", tmp_path / f"{init}{version}{count}.so"
        source.write_text(DRIVER)
        values = [f"-DINIT={init}", f"-DVERSION={version}", f"-DCOUNT={count}"]
        command = [cpp_compiler(), "-shared", "-fPIC", *values, source, "-o", library]
        subprocess.run(command, check=True)
        return ctypes.CDLL(str(library))

    return make


@needs_compiler
def test_name_of_the_first_gpu(driver):
    assert gpu.query_driver(driver(version=13010), 13) == "NVIDIA of paper"
    assert gpu.query_driver(driver(version=13010), 12) == "NVIDIA of paper"


@needs_compiler
@pytest.mark.parametrize(
    ("answers", "cuda"),
    [({}, None), ({"init": 100}, 13), ({"version": 12080}, 13), ({"count": 0}, 13)],
    ids=["torch without CUDA", "no device", "an old driver", "none visible"],
)
def test_no_usable_gpu(driver, answers, cuda):
    assert gpu.query_driver(driver(**answers), cuda) is None


def test_agrees_with_torch():
    gpu.gpu_name.cache_clear()
    named = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    assert gpu.gpu_name() == named
    major = torch.version.cuda and int(torch.version.cuda.split(".")[0])
    assert gpu.torch_cuda_version() == major
