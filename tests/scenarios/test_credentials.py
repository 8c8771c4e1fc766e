"""Credentials in the environment are in no file that commands write, and in no output."""

import pytest

from adamcmp.cli import main
from adamcmp.storage.reader import read_final_rows
from tests.support.file_texts import text_of
from tests.support.studies import SMALL

#: Variables with which libraries of clusters, buckets and trackers are given credentials.
VARIABLES = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("GOOGLE_APPLICATION_CREDENTIALS", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN"),
    *("SLURM_JWT", "RAY_AUTH_TOKEN", "WANDB_API_KEY"),
    *("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "MY_PASSWORD"),
)
CRASHING = """\
import os, torch
class Net(torch.nn.Linear):
    def __init__(self, inputs, outputs):
        super().__init__(inputs[0], outputs)
        self.register_buffer("calls", torch.zeros(()))
    def forward(self, x):
        environment = dict(os.environ)
        self.calls += 1
        if self.calls > 30:  # not in the check before training
            raise RuntimeError("crashed")
        return super().forward(x)
"""


@pytest.fixture
def secrets(monkeypatch):
    """A secret in each variable."""
    values = {name: f"s3cret-{name.lower()}" for name in VARIABLES}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return set(values.values())


def test_secrets_are_written_nowhere(secrets, tmp_path, results, monkeypatch, capfd, quick_reports):
    monkeypatch.setenv("ADAMCMP_CACHE", str(tmp_path / "cache"))
    (tmp_path / "secretive.py").write_text(CRASHING)
    quick = [*SMALL, "engine=eager", "study=s"]
    net = ["model=custom", "model.target=secretive.Net"]
    commands = {
        0: [
            ["sweep", *quick, "steps=3", "lr=0.1,0.2", "seeds=2", "logger=tensorboard"],
            ["extend", "s", "seeds=1"],
            ["report", "s"],
            ["ls"],
            ["ls", "s"],
            ["run", "--cfg", "all", *quick],
        ],
        1: [["sweep", *quick, "steps=40", *net, "seeds=2", "workers=1"]],
        2: [["run", "lr=${oc.env:NO_SUCH_VARIABLE}"], ["report", "nothing"]],
    }
    for code, lines in commands.items():
        for line in lines:
            assert main(line) == code, line
    assert_nowhere(tmp_path, capfd)
    names = {file.name for file in tmp_path.rglob("*")}
    assert names >= {"study.yaml", "tensorboard.jsonl", "index.html"}
    assert any(row["error"] for row in read_final_rows(results / "s").values())


def assert_nowhere(folder, capfd):
    """Check that no file and no output has a secret."""
    texts = {
        **{str(file): text_of(file.read_bytes()) for file in folder.rglob("*") if file.is_file()},
        "output": "".join(capfd.readouterr()),
    }
    assert sum(name.endswith(".parquet") for name in texts) > 1
    assert [name for name, text in texts.items() if "s3cret" in text.lower()] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cluster", "settings", "logs"),
    [
        ("fake_ray", ["executor=ray", "executor.address=auto"], "ray-*.log"),
        ("slurm", ["executor=slurm", "executor.timeout_min=5"], "*_log.out"),
    ],
)
def test_jobs_write_secrets_nowhere(
    cluster, settings, logs, secrets, tmp_path, results, capfd, request, monkeypatch
):
    monkeypatch.delenv("SLURM_JWT")  # the cluster would expect a real one
    request.getfixturevalue(cluster)
    (tmp_path / "secretive.py").write_text(CRASHING)
    net = ["model=custom", "model.target=secretive.Net", "steps=40"]
    runs = [*SMALL, "engine=eager", "study=s", *net, "seeds=2"]
    assert main(["sweep", *runs, *settings]) == 1
    assert main(["logs", "s"]) == 0
    assert [*results.glob(f"s/jobs/{logs}")]
    assert_nowhere(tmp_path, capfd)
