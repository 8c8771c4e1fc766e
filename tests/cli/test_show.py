"""``adamcmp show``."""

import json

from adamcmp.cli import main
from tests.support.commands import run
from tests.support.studies import THREE_STEPS


def test_show(capsys):
    row = json.loads(run(capsys, "run", "--json", *THREE_STEPS))
    for name in (row["run_id"], row["run_id"][:5], f"scratch/{row['run_id'][:4]}"):
        out = run(capsys, "show", name)
        assert row["run_id"] in out and "torch_version" in out and "optimizer.betas" in out
        assert "epochs" in out.splitlines()[-2] and "\x1b" not in out
    run(capsys, "run", *THREE_STEPS, "study=second")
    assert main(["show", row["run_id"][:4]]) == 2
    assert "2 runs begin with" in capsys.readouterr().err


def test_show_ignores_another_study_that_is_damaged(capsys, results):
    row = json.loads(run(capsys, "run", "--json", *THREE_STEPS))
    run(capsys, "run", *THREE_STEPS, "study=damaged", "seed=1")
    (part,) = (results / "damaged" / "runs").iterdir()
    part.write_bytes(part.read_bytes()[:-100])
    assert row["run_id"] in run(capsys, "show", row["run_id"])
    for name in ("damaged/1", "zzzz"):
        assert main(["show", name]) == 2
        assert "is damaged" in capsys.readouterr().err
