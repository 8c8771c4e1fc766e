"""``adamcmp show``."""

import json

from adamcmp.cli import main
from adamcmp.storage import reader
from tests.support.commands import run
from tests.support.imports import imported_study
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


def test_show_fits_80_columns(results, capsys):
    words = " ".join(["a setting that is described in many words"] * 4)
    header = "optimizer,model,lr,wd,seed,test_error,schedule\n"
    content = f"{header}adamw,{'m' * 100},0.1,0,0,0.25,{words}\n"
    imported_study(results / "s", content, {"dataset": "cifar10"})
    (run_id,) = reader.read_final_rows(results / "s")
    out = run(capsys, "show", run_id)
    assert max(map(len, out.splitlines())) <= 80
    assert words in " ".join(out.split()) and out.count("m" * 51) == 1
