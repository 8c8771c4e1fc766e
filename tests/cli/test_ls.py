"""``adamcmp ls``."""

import pytest

from adamcmp.cli import main
from adamcmp.storage import reader
from tests.support.commands import listed, run
from tests.support.imports import imported_study
from tests.support.studies import THREE_STEPS


def test_ls_studies(capsys):
    assert "There are no studies" in run(capsys, "ls")
    run(capsys, "run", "study=one", *THREE_STEPS)
    run(capsys, "run", "study=two", "optimizer=sgd", *THREE_STEPS)
    rows = listed(capsys)
    assert [row.split()[:3] for row in rows] == [["one", "1", "1"], ["two", "1", "1"]]
    assert main(["ls", "on"]) == 2
    assert "Did you mean 'one'?" in capsys.readouterr().err


def test_names_of_studies_can_be_copied(capsys):
    """They keep their middle in a table that is wider than the terminal."""
    name = "a_study_whose_name_is_longer_than_a_cell_of_a_wide_table"
    run(capsys, "run", f"study={name}", *THREE_STEPS)
    assert name in run(capsys, "ls").split()


def test_ls_lists_a_damaged_study_and_all_others(capsys, results):
    run(capsys, "run", "study=one", *THREE_STEPS)
    run(capsys, "run", "study=two", *THREE_STEPS)
    (part,) = (results / "one" / "runs").iterdir()
    part.write_bytes(b"")
    assert main(["ls"]) == 2
    out, err = capsys.readouterr()
    assert [row.split()[:2] for row in out.splitlines()[2:]] == [
        ["one", "damaged"],
        ["two", "1"],
    ]
    assert part.name in err and "Traceback" not in err


@pytest.mark.parametrize("name", ["plan-000002.parquet", "worker-x.json"])
def test_ls_lists_a_study_with_a_damaged_queue(name, capsys, results):
    run(capsys, "run", "study=one", *THREE_STEPS)
    run(capsys, "run", "study=two", *THREE_STEPS)
    queue = results / "one" / "queue"
    queue.mkdir(exist_ok=True)
    (queue / name).write_bytes(b"{}")
    for command, line in [(["ls"], 4), (["ls", "one"], 0)]:
        assert main(command) == 2
        out, err = capsys.readouterr()
        assert len(out.splitlines()) == line and len(err.splitlines()) == 1
        assert f"{name} is damaged" in err
    assert main(["worker", "one"]) == 2
    assert f"{name} is damaged" in capsys.readouterr().err


def test_ls_filters_over_all_studies(capsys):
    run(capsys, "run", "study=one", *THREE_STEPS)
    run(capsys, "run", "study=two", *THREE_STEPS)
    run(capsys, "run", "study=two", "optimizer=sgd", *THREE_STEPS)
    assert [row.split()[0] for row in listed(capsys, "optimizer=adamw")] == ["one", "two"]
    assert len(listed(capsys, "optimizer.betas=[0.9,0.999]")) == 2
    assert main(["ls", "lr<abc"]) == 2
    assert "is not a number" in capsys.readouterr().err


def test_ls_filters(capsys):
    run(capsys, "sweep", "seed=0,1,2", "study=scratch", *THREE_STEPS)
    assert len(listed(capsys, "scratch", "seed=1")) == 1
    assert len(listed(capsys, "scratch", "model.width=100", "seed>=1")) == 2
    assert "No run has seed=7: seed holds 0" in run(capsys, "ls", "scratch", "seed=7")
    assert main(["ls", "scratch", "sed=1"]) == 2
    assert "Did you mean 'seed'?" in capsys.readouterr().err
    assert main(["ls", "scratch", "seed"]) == 2


def test_ls_fits_80_columns(results, capsys, monkeypatch):
    """Long names lose their middle, and columns that do not fit follow below."""
    name = "resnet_with_a_name_that_is_too_long_for_a_terminal"
    header = "optimizer,model,lr,wd,seed,train_loss,val_error,test_error,test_loss\n"
    content = f"{header}adamw,{name},0.1,0.001,0,1.25,0.25,0.375,1.5\n"
    imported_study(results / "s", content, {"dataset": "cifar10"})
    out = run(capsys, "ls", "s")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80 and "resnet_with_…_a_terminal" in out
    (run_id,) = reader.read_final_rows(results / "s")
    assert [line.split()[0] for line in lines if line].count(run_id) == out.count("run_id") == 2
    monkeypatch.setenv("COLUMNS", "200")
    heading, _, line = run(capsys, "ls", "s").splitlines()
    assert name in line and "test_error" in heading
    monkeypatch.setenv("COLUMNS", "40")
    assert run(capsys, "ls", "s") == out


def test_ls_has_the_step_of_divergence_and_equal_decimals(results, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    rows = ["adamw,0.1,0,0,0.25,done,", "adamw,0.1,0,1,0.2512,done,", "adamw,9,0,0,,diverged,7"]
    header = "optimizer,lr,wd,seed,test_error,status,stopped_at_step\n"
    imported_study(results / "s", header + "\n".join(rows) + "\n")
    heading, _, *lines = run(capsys, "ls", "s").splitlines()
    columns = heading.split()
    cells = [dict(zip(columns, line.split(), strict=True)) for line in lines]
    assert [row["test_error"] for row in cells] == ["0.2500", "0.2512", "-"]
    assert [row["stopped_at_step"] for row in cells] == ["-", "-", "7"]


def test_ls_names_a_results_folder_that_is_a_file(tmp_path, capsys):
    path = tmp_path / "runs.csv"
    path.touch()
    assert main(["ls", "--results", str(path)]) == 2
    assert f"The results folder {path} is a file." in capsys.readouterr().err
