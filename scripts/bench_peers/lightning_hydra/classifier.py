"""A typical LightningModule and its Trainer."""

from __future__ import annotations

import os
import time
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

# torchmetrics imports torchvision if it is installed, which fails with a CPU build of torch unless
# it is imported this way first.
from adamcmp.platform.torchvision_import import torchvision

torchvision("transforms")
os.environ.pop("MKL_CBWR", None)  # set by adamcmp; makes products slightly slower

import pytorch_lightning as pl  # noqa: E402

SPLITS = ("train", "val", "test")


class Classifier(pl.LightningModule):
    """The MLP with AdamW and a cosine schedule.

    Attributes:
        history: The values of all evaluations, by metric.
    """

    def __init__(self, lr: float, wd: float, steps: int) -> None:
        super().__init__()
        self.save_hyperparameters()
        hidden = (nn.Linear(40, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU())
        self.net = nn.Sequential(*hidden, nn.Linear(100, 10))
        self.history: dict[str, list[float]] = defaultdict(list)

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Return the batch's loss."""
        x, y = batch
        loss = F.cross_entropy(self.net(x), y)
        self.log("loss", loss)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int, dataloader_idx: int) -> None:
        """Log loss and error of a batch of one split."""
        x, y = batch
        logits, split = self.net(x), SPLITS[dataloader_idx]
        metrics = {
            f"{split}_loss": F.cross_entropy(logits, y),
            f"{split}_error": (logits.argmax(1) != y).float().mean(),
        }
        self.log_dict(metrics, add_dataloader_idx=False, batch_size=len(y))

    def on_validation_epoch_end(self) -> None:
        """Append the metrics of this evaluation to the history."""
        for name, value in self.trainer.callback_metrics.items():
            if name.startswith(SPLITS):
                self.history[name].append(float(value))

    def configure_optimizers(self) -> dict[str, Any]:
        """Return AdamW and its schedule, which advances at every step."""
        lr, wd, steps = (self.hparams[name] for name in ("lr", "wd", "steps"))
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr, weight_decay=wd)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": cosine, "interval": "step"},
        }


def loaders(config: DictConfig) -> tuple[DataLoader[Any], list[DataLoader[Any]]]:
    """Return the loader for training, and one for the evaluation of each split."""
    with np.load(config.data) as arrays:
        sets = [
            TensorDataset(torch.from_numpy(arrays[f"{n}_x"]), torch.from_numpy(arrays[f"{n}_y"]))
            for n in SPLITS
        ]
    train = DataLoader(sets[0], config.batch_size, shuffle=True, drop_last=True)
    return train, [DataLoader(examples, batch_size=1000) for examples in sets]


def fit(config: DictConfig, folder: Path) -> dict[str, float]:
    """Train one run; return its results."""
    started = time.perf_counter()
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    torch.set_num_threads(1)
    pl.seed_everything(config.seed, verbose=False)
    train, splits = loaders(config)
    module = Classifier(config.lr, config.wd, config.steps)
    trainer = pl.Trainer(
        max_steps=config.steps,
        val_check_interval=config.eval_every,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        accelerator="cpu",
        devices=1,
        logger=pl.loggers.CSVLogger(folder),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.validate(module, splits, verbose=False)
    trainer.fit(module, train, splits)
    history = module.history
    return {
        "train_loss": history["train_loss"][-1],
        "test_accuracy": 1 - history["test_error"][-1],
        "evaluations": len(history["test_error"]),
        "seconds": time.perf_counter() - started,
    }
