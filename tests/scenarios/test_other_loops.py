"""`adamcmp.torch_optimizer` in the training loops of Lightning and accelerate, beside torch's.

Each loop takes the same steps with adamcmp's AdamW and with torch's, and resumes from its checkpoint.
"""

import warnings

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, TensorDataset

import adamcmp
from adamcmp.platform.torchvision_import import torchvision
from tests.support.tensors import assert_close

pytestmark = pytest.mark.filterwarnings("ignore")

STEPS = 8
OPTIMIZERS = {
    "adamcmp": lambda p: adamcmp.torch_optimizer("adamw", p, lr=0.01, wd=0.1),
    "torch": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
}


def network_and_data():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)).double()
    x, y = torch.randn(32, 4).double(), torch.randn(32, 2).double()
    return net, DataLoader(TensorDataset(x, y), batch_size=4)


@pytest.fixture(scope="module")
def lightning():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torchvision("transforms")  # which torchmetrics imports
        import pytorch_lightning
    return pytorch_lightning


def trained_by_lightning(lightning, optimizer, folder, interrupted=False):
    class Module(lightning.LightningModule):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def training_step(self, batch, index):
            x, y = batch
            return (self.net(x) - y).square().mean()

        def configure_optimizers(self):
            instance = OPTIMIZERS[optimizer](self.net.parameters())
            schedule = OneCycleLR(instance, 0.01, 2 * STEPS)
            return [instance], [{"scheduler": schedule, "interval": "step"}]

    def trainer(epochs):
        return lightning.Trainer(
            max_epochs=epochs, accelerator="cpu", logger=False, default_root_dir=folder,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            gradient_clip_val=0.5,
        )  # fmt: skip

    net, data = network_and_data()
    checkpoint = None
    if interrupted:
        first = trainer(1)
        first.fit(Module(net), data)
        checkpoint = str(folder / "last.ckpt")
        first.save_checkpoint(checkpoint)
        net, data = network_and_data()
    trainer(2).fit(Module(net), data, ckpt_path=checkpoint)
    return net.state_dict()


@pytest.mark.slow
def test_lightning(lightning, tmp_path):
    actual = trained_by_lightning(lightning, "adamcmp", tmp_path)
    assert_close(actual, trained_by_lightning(lightning, "torch", tmp_path))
    resumed = trained_by_lightning(lightning, "adamcmp", tmp_path, interrupted=True)
    assert all(torch.equal(resumed[name], value) for name, value in actual.items())


def trained_by_accelerate(accelerate, optimizer, folder, interrupted=False):
    def prepared():
        accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=2)
        net, data = network_and_data()
        instance = OPTIMIZERS[optimizer](net.parameters())
        schedule = OneCycleLR(instance, 0.01, 2 * STEPS)
        return accelerator, *accelerator.prepare(net, instance, data, schedule)

    def epoch(accelerator, net, instance, data, schedule):
        for x, y in data:
            with accelerator.accumulate(net):
                accelerator.backward((net(x) - y).square().mean())
                instance.step()
                schedule.step()
                instance.zero_grad()

    parts = prepared()
    epoch(*parts)
    if interrupted:
        parts[0].save_state(str(folder))
        parts = prepared()
        parts[0].load_state(str(folder))
    epoch(*parts)
    return parts[1].state_dict()


def test_accelerate(tmp_path):
    import accelerate

    actual = trained_by_accelerate(accelerate, "adamcmp", tmp_path)
    assert_close(actual, trained_by_accelerate(accelerate, "torch", tmp_path))
    resumed = trained_by_accelerate(accelerate, "adamcmp", tmp_path, interrupted=True)
    assert all(torch.equal(resumed[name], value) for name, value in actual.items())
