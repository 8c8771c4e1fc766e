"""Runs of other programs: what a file says is what the report is computed from."""

import math
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import adamcmp
from adamcmp.analysis import RunTable
from adamcmp.cli import main
from adamcmp.cli.completion import candidates
from adamcmp.storage import reader
from adamcmp.workflows.import_runs import import_runs
from adamcmp.workflows.importing import ColumnMapping, CsvTable, MappedTable, read_csv_table

BASE = "optimizer,lr,wd,seed,val_error,test_error\n"
ROWS = "adamw,0.1,0,0,0.2,0.25\nadamw,0.1,0,1,0.3,0.35\nsgd,0.1,0.01,0,0.4,0.45\n"
CIFAR = "--set dataset=cifar10 model=resnet18"


@pytest.fixture
def brought(tmp_path, capsys):
    """Write a file, import it with some flags, return the study's tables."""

    def call(content, flags=CIFAR, study="theirs"):
        file = tmp_path / "runs.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        code = main(["import-csv", str(file), "--study", study, *shlex.split(flags)])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return (*reader.load(tmp_path / "results" / study), captured.out)

    return call


@pytest.fixture
def refused(tmp_path, capsys):
    """Write a file, import it, return the error; nothing has been written."""

    def call(content, flags=CIFAR):
        file = tmp_path / "runs.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        before = sorted(tmp_path.rglob("*"))
        assert main(["import-csv", str(file), "--study", "theirs", *shlex.split(flags)]) == 2
        out, err = capsys.readouterr()
        assert out == "" and "Traceback" not in err and len(err.splitlines()) <= 2
        assert sorted(tmp_path.rglob("*")) == before
        return err

    return call


def test_final_metrics(brought, capsys):
    runs, metrics, out = brought(BASE + ROWS)
    assert len(metrics) == 0 and set(runs["status"]) == {"done"}
    assert runs["test_accuracy"].tolist() == [0.75, 0.65, 0.55]
    assert runs["optimizer"].tolist() == ["adamw", "adamw", "sgd"]
    assert set(runs["study"]) == {"theirs"} and set(runs["dataset"]) == {"cifar10"}
    assert runs[["hardware", "torch_version", "engine", "finished_at"]].isna().all(axis=None)
    assert "3 runs (3 done), 2 optimizers, 2 settings, 2 seeds; 3 new, 0 replaced" in out
    assert main(["report", "theirs"]) == 0
    best = pd.read_csv(Path("results") / "theirs" / "report" / "summary.csv", index_col="optimizer")
    assert best["test_error"].to_dict() == pytest.approx({"adamw": 0.3, "sgd": 0.45})
    assert main(["ls", "theirs"]) == 0 and main(["ls"]) == 0
    assert main(["show", runs["run_id"][0]]) == 0
    assert len(pd.read_parquet(reader.study_folder(Path("results"), "theirs") / "runs")) == 3


MESSY = {
    "a byte-order mark": b"\xef\xbb\xbf" + (BASE + ROWS).encode(),
    "semicolons, decimal commas": (BASE + ROWS).replace(",", ";").replace(".", ","),
    "tabs": (BASE + ROWS).replace(",", "\t"),
    "UTF-16, as spreadsheets write text": (BASE + ROWS).replace(",", "\t").encode("utf-16"),
    "line ends of Windows, blank lines": (BASE + "\n" + ROWS + ",,,,,\n").replace("\n", "\r\n"),
    "an index, quotes, spaces": '"",optimizer , lr,wd,seed,val_error,test_error,"a ""note"", long"\n'
    '0,adamw, 0.1,0,0,0.2,0.25,"a\nb,c"\n1,adamw,1e-1,0.0,1,0.3,0.35,""\n2,"sgd",.1,0.01,0,0.4,0.45,x\n',
}


@pytest.mark.parametrize("content", MESSY.values(), ids=MESSY)
def test_dialects(content, brought):
    """However it is written, it is the same runs with the same ids."""
    plain = brought(BASE + ROWS)[0]
    pd.testing.assert_frame_equal(brought(content, study="messy")[0].assign(study="theirs"), plain)


def test_mapped_and_in_percent(brought):
    content = "opt,learning rate,seed,acc,train acc\nadam,0.1,0,90,100\nadam,0.1,1,80,99\n"
    flags = (
        "--map optimizer=opt 'lr=learning rate' test_accuracy=acc --map 'train_accuracy=train acc' "
        "--percent test_accuracy train_accuracy --set wd=0 dataset=d model=m"
    )
    runs, _, out = brought(content, flags)
    assert runs["test_error"].tolist() == pytest.approx([0.1, 0.2])
    assert runs["gap_error"].tolist() == pytest.approx([0.1, 0.19])
    assert "test_accuracy        acc, in percent" in out and "wd                   = 0" in out
    about = yaml.safe_load(Path("results/theirs/study.yaml").read_text())
    (asked,) = about["asked"]
    assert about["imported"] is True and "numerics" not in about
    assert asked["file"].endswith("runs.csv") and len(asked["sha256"]) == 64 and asked["at"]
    assert asked["map"]["lr"] == "learning rate" and asked["set"]["wd"] == "0"
    overrides = [asked["words"][0].replace("import-csv ", ""), *asked["words"][1:]]
    assert main(["import-csv", *overrides]) == 0  # they do it again
    assert len(reader.load(Path("results/theirs"))[0]) == 2
    assert yaml.safe_load(Path("results/theirs/study.yaml").read_text()) == about


def test_a_changed_row_takes_the_place_of_the_old_one(brought):
    before = brought(BASE + ROWS)[0]
    runs, _, out = brought(BASE + ROWS.replace("0.45", "0.5") + "sgd,0.2,0.01,0,0.4,0.41\n")
    assert "1 new, 3 replaced" in out
    assert set(before["run_id"]) < set(runs["run_id"]) and len(runs) == 4
    assert sorted(runs["test_error"]) == [0.25, 0.35, 0.41, 0.5]


LONG = """opt,lr,wd,seed,step,epoch,train_loss,val_loss,test_loss,test_error
a,0.1,0,0,0,0,2.0,2.1,2.2,0.9
a,0.1,0,0,20,2,0.5,1.9,1.8,0.45
a,0.1,0,0,10,1,1.0,1.5,1.6,0.5
a,0.1,0,1,0,0,2.0,2.1,2.2,0.9
a,0.1,0,1,10,1,nan,,,
b,9,0,0,0,0,2.0,2.2,2.3,0.8
b,9,0,0,10,1,1.0,1.2,1.3,
b,9,0,0,11,1,0.5,,,
"""


def test_evaluations(brought, capsys):
    """Finals are the last ones reported, in whatever order; best is by validation."""
    runs, metrics, out = brought(LONG, "--map optimizer=opt --set dataset=d model=m")
    assert "8 rows, each an evaluation of a run" in out
    one, two, three = runs.to_dict("records")
    assert (one["status"], one["test_loss"], one["test_error"], one["steps"]) == (
        "done",
        1.8,
        0.45,
        20,
    )
    assert (one["best_step"], one["best_val_loss"], one["best_test_loss"]) == (10, 1.5, 1.6)
    assert one["gap_loss"] == pytest.approx(1.3) and one["best_gap_loss"] == pytest.approx(0.6)
    assert two["status"] == "diverged" and two["stopped_at_step"] == 10 and two["steps"] == 20
    assert math.isnan(two["test_loss"]) and two["best_test_loss"] == 2.2
    assert (three["status"], three["test_loss"], three["test_error"]) == ("done", 1.3, 0.8)
    assert (three["train_loss"], three["gap_loss"]) == (0.5, pytest.approx(0.8))
    assert len(metrics) == 8 and metrics["lr"].isna().all()
    first = metrics[metrics["run_id"] == one["run_id"]].sort_values("step")
    assert first["epoch"].tolist() == [0, 1, 2] and first[
        "test_accuracy"
    ].tolist() == pytest.approx([0.1, 0.5, 0.55])
    assert main(["report", "theirs"]) == 0
    assert "learning_curves" in capsys.readouterr().out
    again = brought(LONG, "--map optimizer=opt --set dataset=d model=m")
    pd.testing.assert_frame_equal(again[0], runs)
    pd.testing.assert_frame_equal(again[1], metrics)


def test_epochs_follow_from_examples(brought):
    content = LONG.replace("epoch,", "e,")
    flags = "--map optimizer=opt --set dataset=d model=m train_examples=640 batch_size=64"
    _, metrics, _ = brought(content, flags)
    assert sorted(set(metrics["epoch"])) == pytest.approx([0, 1, 1.1, 2])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A study trained here: some runs diverge."""
    from adamcmp.config import Composer
    from adamcmp.execution.execute import execute

    root = tmp_path_factory.mktemp("trained")
    overrides = [
        "dataset=teacher",
        "dataset.train_examples=200",
        "dataset.test_examples=50",
        "steps=6",
    ]
    overrides += [
        "eval.every_steps=2",
        "optimizer=sgd,adamw",
        "lr=1e-2,1e-1,1e30",
        "wd=0,0.1",
        "seeds=3",
    ]
    execute(Composer().sweep([*overrides, f"results={root}", "study=s", "workers=0"]))
    return reader.load(root / "s")


def summary(runs):
    return RunTable.from_frames(runs).summary


def test_a_trained_study_comes_back_the_same(trained, brought):
    """Written by pandas, imported: the same table, of the runs alone and with their evaluations."""
    runs, metrics = trained
    assert set(runs["status"]) == {"done", "diverged"}
    wanted = summary(runs)
    finals, _, _ = brought(runs.to_csv(index=False).encode(), "")
    pd.testing.assert_frame_equal(summary(finals), wanted)
    asked = runs[["run_id", "dataset", "model", "optimizer", "wd", "seed", "steps", "status"]]
    asked = asked.assign(rate=runs["lr"])
    rows = metrics.drop(columns="lr").merge(asked, on="run_id")
    with_nan = rows.to_csv(index=False, na_rep="nan").encode()
    along, evaluations, _ = brought(with_nan, "--map lr=rate", study="along")
    measures = [c for c in wanted.columns if c.startswith(("train", "val", "test", "gap", "div"))]
    pd.testing.assert_frame_equal(summary(along)[measures], wanted[measures])
    keys = ["optimizer", "lr", "wd", "seed"]
    best = ["best_step", "best_val_error", "best_test_loss", "steps", "status"]
    pd.testing.assert_frame_equal(
        *(t.set_index(keys).sort_index()[best] for t in (along, runs)), check_dtype=False
    )
    assert len(evaluations) == len(metrics)


tables = st.lists(
    st.tuples(
        st.sampled_from(["adam", "sgd", "a,b;\"c\"\n"]),
        st.sampled_from([1e-3, 0.1, 1.0]),
        st.integers(0, 2**62),
        *[st.floats(0, 1, allow_subnormal=False)] * 3,
        st.floats(0, 1e6),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[:3],
)  # fmt: skip


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=tables, separator=st.sampled_from(",\t|;"), momentum=st.booleans())
def test_any_table_comes_back_to_the_bit(rows, separator, momentum, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    columns = ["optimizer", "lr", "seed", "train_error", "val_error", "test_error", "test_loss"]
    table = pd.DataFrame(rows, columns=columns)
    if momentum:
        table["my momentum"] = np.arange(len(table)) / 8
    decimal = "," if separator == ";" else "."
    table.to_csv(folder / "t.csv", sep=separator, index=False, decimal=decimal)
    constants = {"dataset": "d", "model": "m", "wd": "0"}
    own = ("my momentum",) if momentum else ()
    mapping = ColumnMapping({}, constants, settings=own)
    assert MappedTable(read_csv_table(folder / "t.csv"), mapping).unused == []
    import_runs(folder / "t.csv", folder / "s", mapping)
    back = reader.load(folder / "s")[0]
    strip = table.assign(optimizer=table["optimizer"].str.strip())
    pd.testing.assert_frame_equal(
        back[[*columns, *own]], strip, check_dtype=False, check_exact=True
    )
    assert (back["test_accuracy"] == 1 - back["test_error"]).all()
    assert (back["gap_error"] == back["test_error"] - back["train_error"]).all()
    assert back["run_id"].is_unique


def test_how_runs_ended(brought):
    content = BASE + (
        "a,0.1,0,0,0.2,0.25\na,0.1,0,1,nan,0.3\na,0.1,0,2,,0.3\na,0.1,0,3,0.2,\na,0.1,0,4,0.2,inf\n"
    )
    runs, _, out = brought(content)
    assert runs["status"].tolist() == ["done", "diverged", "done", "diverged", "diverged"]
    assert runs.loc[runs["status"] == "diverged", ["val_error", "test_error"]].isna().all(axis=None)
    assert "5 runs (3 diverged, 2 done)" in out
    told = "optimizer,lr,wd,seed,test_error,status\na,0.1,0,0,0.2,done\na,0.1,0,1,0.9,diverged\na,0.1,0,2,,failed\n"
    runs, _, _ = brought(told, study="told")
    assert runs["status"].tolist() == ["done", "diverged", "failed"]
    assert runs["test_error"].isna().tolist() == [False, True, True]


def test_settings_of_their_own(brought, refused, tmp_path):
    content = "optimizer,lr,wd,seed,test_error,val_error,momentum,host\nsgd,1,0,0,0.1,0.1,0.9,x\nsgd,1,0,0,0.2,0.2,0.5,y\n"
    err = refused(content)
    assert (
        "rows 2 and 3 are the same run (optimizer sgd, dataset cifar10, model resnet18, lr 1.0, wd 0.0, seed 0)"
        in err
    )
    assert "name its column: --settings momentum host" in err
    runs, _, out = brought(content, f"{CIFAR} --settings momentum")
    assert "not used: host" in out
    assert runs["momentum"].tolist() == [0.9, 0.5]
    assert RunTable.from_frames(runs).setting_columns == ["lr", "wd", "momentum"]
    assert summary(runs)["momentum"].tolist() == [0.9]
    other = content.replace("0.9", "high").replace("0.5", "low")
    (tmp_path / "other.csv").write_text(other)
    flags = ["--study", "theirs", *shlex.split(CIFAR), "--settings", "momentum"]
    assert main(["import-csv", str(tmp_path / "other.csv"), *flags]) == 2
    assert len(reader.load(Path("results/theirs"))[0]) == 2


@pytest.mark.parametrize(
    ("content", "flags", "message"),
    [
        ("", CIFAR, "is empty: it should have a header line"),
        (b"\xef\xbb\xbf", CIFAR, "is empty"),
        (BASE, CIFAR, "has a header but no rows"),
        (BASE + "\n,,,,,\n", CIFAR, "has a header but no rows"),
        (b"\xff\xfe\xfd", CIFAR, "is not UTF-8 text"),
        (b"a,b\n\xe4,1\n", CIFAR, "is not UTF-8 text"),
        (BASE + 'a,"0.1,0\n', CIFAR, "is not a CSV table"),
        (BASE + "a,0.1,0,0,0.2\n", CIFAR, "row 2: has 5 values, but the header has 6 columns"),
        (BASE.replace("wd", "lr") + ROWS, CIFAR, "column 'lr' appears twice"),
        (BASE + "a,0.1,0,0,0.2,0.3\n\na,abc,0,1,0.2,0.3\n", CIFAR, "row 4: lr (column 'lr') should be a number, not 'abc'"),
        (BASE + "a,0.1,0,1.5,0.2,0.3\n", CIFAR, "row 2: seed (column 'seed') should be a whole number (below 2^63), not '1.5'"),
        (BASE + "a,0.1,0,99999999999999999999,0.2,0.3\n", CIFAR, "row 2: seed (column 'seed') should be a whole number (below 2^63), not '9999"),
        (BASE + "a,0.1,0,1e30,0.2,0.3\n", CIFAR, "row 2: seed (column 'seed') should be a whole number"),
        (BASE.replace("val_error", "test_loss") + "a,1,0,0,1e300,0.2\n", CIFAR, "row 2: test_loss=1e+300 is too large to be averaged"),
        (BASE.replace("val_error", "test_accuracy") + "a,1,0,0,0.2,0.1\n", CIFAR, "row 2: test_error=0.1 and test_accuracy=0.2 do not add up to 1"),
        (BASE + ROWS, "--set dataset=d", "Columns: optimizer, lr, wd, seed, val_error, test_error."),
        (BASE + "a,0.1,0,,0.2,0.3\n", CIFAR, "row 2: seed is empty"),
        (BASE + "a,0.1,0,-1,0.2,0.3\n", CIFAR, "row 2: seed=-1 should be at least 0"),
        (BASE + "a,nan,0,1,0.2,0.3\n", CIFAR, "row 2: lr=nan should be a finite number of at least 0"),
        (BASE + "a,0.1,-2,1,0.2,0.3\n", CIFAR, "row 2: wd=-2 should be a finite number of at least 0"),
        (BASE + "a,0.1,0,1,0.2,30\n", CIFAR, "row 2: test_error=30 is not a fraction; if it is in percent, add --percent test_error"),
        (BASE + "a,0.1,0,1,0.2,300\n", f"{CIFAR} --percent test_error", "row 2: test_error=300 is not a fraction."),
        (BASE + ROWS + ROWS, CIFAR, "rows 2 and 5 are the same run (optimizer adamw, dataset cifar10, model resnet18, lr 0.1, wd 0.0, seed 0). Remove one of them"),
        (BASE + ROWS, "", "has no column 'dataset'."),
        (BASE + ROWS, "--set dataset=d", "--map model=COLUMN, or give its value in all rows, --set model=NAME"),
        (BASE.replace("seed", "run") + ROWS, CIFAR, "or give its value in all rows, --set seed=0"),
        (BASE.replace("optimizer", "optimiser") + ROWS, CIFAR, "has no column 'optimizer'. Did you mean 'optimiser'?"),
        (BASE.replace("test_error", "err") + ROWS, CIFAR, "has no test metric: --map test_error=COLUMN"),
        (BASE + ROWS, f"{CIFAR} --map test_error=er", "has no column 'er'."),
        (BASE + ROWS, f"{CIFAR} --map test_errr=val_error", "Did you mean 'test_error'?"),
        (BASE + ROWS, f"{CIFAR} --set model=x lr=abc", "--set model is given twice"),
        (BASE + ROWS, f"{CIFAR} --set lr=abc", "--set lr=abc: should be a number"),
        (BASE + ROWS, f"{CIFAR} --set lr", "--set lr: should be OURS=VALUE"),
        (BASE + ROWS, f"{CIFAR} --set lr=1 --map lr=wd", "lr is set by both --map and --set"),
        (BASE + ROWS, f"{CIFAR} --percent lr", "--percent lr: applies to errors and accuracies only"),
        (BASE + ROWS, f"{CIFAR} --percent train_error", "--percent train_error: no column of the file is train_error"),
        (BASE + ROWS, f"{CIFAR} --settings momentum", "has no column 'momentum'"),
        (BASE + ROWS, f"{CIFAR} --settings wd", "--settings wd: is a column of adamcmp"),
        (BASE.replace("val_error", "status") + "a,1,0,0,finished,0.2\n", CIFAR, "row 2: status=finished should be one of done, diverged, failed"),
        (BASE.replace("val_error", "status") + "a,1,0,0,done,nan\n", CIFAR, "has status done, but a metric that is not finite"),
        (BASE.replace("val_error", "step") + "a,1,0,0,1,0.2\n", CIFAR, "has no column 'epoch', which learning curves need"),
        (BASE.replace("val_error", "step,epoch") + "a,1,0,0,1,1,0.2\na,1,0,0,1,2,0.3\n", CIFAR, "rows 2 and 3 are the same evaluation"),
        (BASE.replace("val_error", "step,epoch") + "a,1,0,0,,1,0.2\n", CIFAR, "row 2: step is empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood(content, flags, message, refused):
    assert message in refused(content, flags)


def test_files_and_names(capsys, results, tmp_path):
    assert main(["import-csv", "no.csv", "--study", "x"]) == 2
    assert "Cannot read no.csv: No such file or directory" in capsys.readouterr().err
    assert main(["import-csv", str(tmp_path), "--study", "x"]) == 2
    assert main(["import-csv", "no.csv", "--study", "../x"]) == 2
    assert "should be a plain folder name" in capsys.readouterr().err
    assert not results.exists()
    assert candidates("adamcmp import") == ["import-csv"]
    assert "--settings" in candidates("adamcmp import-csv --s")


def test_a_column_of_numbers_is_no_name(brought):
    """Many files call a training loss "loss"; ours is the name of one."""
    runs, _, out = brought(
        "optimizer,lr,wd,seed,loss,test_loss\na,1,0,0,0.5,0.7\nb,1,0,0,0.4,0.8\n"
    )
    assert "not used: loss" in out and "loss" not in set(runs["loss"].str.replace("loss", ""))
    mapped, _, _ = brought(
        "optimizer,lr,wd,seed,loss\na,1,0,0,0.5\n", f"{CIFAR} --map test_loss=loss", "m"
    )
    assert mapped["test_loss"].tolist() == [0.5]


def test_a_dry_run_writes_nothing(tmp_path, capsys, results):
    (tmp_path / "runs.csv").write_text(BASE + ROWS)
    assert main(["import-csv", "runs.csv", "--study", "x", *shlex.split(CIFAR), "-n"]) == 0
    assert "3 runs (3 done)" in (out := capsys.readouterr().out) and "Nothing was written" in out
    assert not results.exists()


def test_trained_and_imported_runs_stay_apart(brought, tmp_path, capsys, results):
    brought(BASE + ROWS)
    small = ["dataset=teacher", "steps=2", "study=theirs"]
    for command in (
        ["run", *small],
        ["sweep", *small, "seeds=2"],
        ["sweep", *small, "--dry-run"],
        ["sweep", *small, "lr=interval(0.1,1)", "sampler=random", "n=2"],
        ["extend", "theirs"],
    ):
        assert main(command) == 2
        assert "Study 'theirs' holds runs imported from " in capsys.readouterr().err
    assert len(reader.load(results / "theirs")[0]) == 3
    adamcmp.run(["dataset=teacher", "steps=2", "study=ours"])
    assert main(["import-csv", "runs.csv", "--study", "ours", *shlex.split(CIFAR)]) == 2
    assert "Study 'ours' holds runs that adamcmp trained" in capsys.readouterr().err
    assert len(reader.load(results / "ours")[0]) == 1


def test_another_mapping_of_the_same_file_is_refused(brought, capsys):
    brought(BASE + ROWS)
    overrides = [
        "import-csv",
        "runs.csv",
        "--study",
        "theirs",
        "--set",
        "dataset=cifar10",
        "model=vit",
    ]
    assert main(overrides) == 2
    err = capsys.readouterr().err
    assert (
        "was already imported into study 'theirs' with another --set, and each run would be stored twice"
        in err
    )
    assert len(reader.load(Path("results/theirs"))[0]) == 3


def test_a_sheet_names_rows_as_a_spreadsheet_does(tmp_path):
    (tmp_path / "t.csv").write_text('a,b\n1,"x\ny"\n\n2,z\n')
    table = read_csv_table(tmp_path / "t.csv")
    assert isinstance(table, CsvTable) and list(table.rows) == [2, 4]
    assert table.columns["b"] == ("x\ny", "z") and table.values("a", int, "a") == [1, 2]
