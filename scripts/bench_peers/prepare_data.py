#!/usr/bin/env python3
"""Write the splits of a dataset, as adamcmp trains on them, to an npz file.

scripts/bench_peers/prepare_data.py mnist1d mnist1d.npz
"""

import argparse
from pathlib import Path

import numpy as np

from adamcmp.config import Composer

parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
parser.add_argument("dataset")
parser.add_argument("file", type=Path)
options = parser.parse_args()

study = Composer().run([f"dataset={options.dataset}"])
data = study.runs[0].dataset.load()
arrays = {}
for name in ("train", "val", "test"):
    split = getattr(data, name)
    arrays[f"{name}_x"] = split.x.astype(np.float32)
    arrays[f"{name}_y"] = split.y
np.savez(options.file, **arrays)
