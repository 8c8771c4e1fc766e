#!/usr/bin/env python3
"""Train the grid with Lightning: start lightning_hydra/train.py with Hydra's joblib launcher."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from _shared import RunResult, arguments, report

PROGRAM = Path(__file__).parent / "lightning_hydra" / "train.py"

if __name__ == "__main__":
    parser = arguments(__doc__)
    options = parser.parse_args()
    if options.device != "cpu":
        parser.error("supports only the CPU")
    with tempfile.TemporaryDirectory() as folder:
        overrides = [
            f"data={options.data.resolve()}",
            f"steps={options.steps}",
            f"batch_size={options.batch_size}",
            f"eval_every={options.eval_every}",
            f"hydra.launcher.n_jobs={options.processes}",
            f"hydra.sweep.dir={folder}",
            f"lr={','.join(map(str, options.lr))}",
            f"wd={','.join(map(str, options.wd))}",
            f"seed={','.join(map(str, range(options.seeds)))}",
        ]
        command = [sys.executable, str(PROGRAM), "--multirun", *overrides]
        subprocess.run(command, check=True, stdout=sys.stderr)
        files = sorted(Path(folder).glob("*/measured.json"))
        report([RunResult(**json.loads(file.read_text())) for file in files], options.processes)
