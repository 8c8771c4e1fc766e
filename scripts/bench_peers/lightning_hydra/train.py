#!/usr/bin/env python3
"""Train one run with Lightning; with --multirun, a sweep through Hydra's joblib launcher.

Each run writes measured.json to its own folder.
"""

import json
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from classifier import fit


@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(config: DictConfig) -> None:
    """Train one run."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    (folder / "measured.json").write_text(json.dumps(fit(config, folder)))


if __name__ == "__main__":
    main()
