"""The mapping of a file's columns: names, constants, percent, additional settings."""

import hashlib
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml

from adamcmp.analysis import RunTable
from adamcmp.analysis.audit import CHECKS, audit
from adamcmp.analysis.measures.best_settings import best_settings
from adamcmp.cli import main
from adamcmp.storage import reader
from tests.support.imports import BASE, CIFAR, ROWS


def test_mapped_and_in_percent(imported):
    content = "opt,learning rate,seed,acc,train acc\nadam,0.1,0,90,100\nadam,0.1,1,80,99\n"
    flags = (
        "--map optimizer=opt 'lr=learning rate' test_accuracy=acc --map 'train_accuracy=train acc' "
        "--percent test_accuracy train_accuracy --set wd=0 dataset=d model=m"
    )
    runs, _, out = imported(content, flags)
    assert runs["test_error"].tolist() == pytest.approx([0.1, 0.2])
    assert runs["gap_error"].tolist() == pytest.approx([0.1, 0.19])
    assert "test_accuracy        acc, in percent" in out and "wd                   = 0" in out
    study = yaml.safe_load(Path("results/theirs/study.yaml").read_text())
    (command,) = study["asked"]
    assert study["imported"] is True and "numerics" not in study
    assert command["file"].endswith("runs.csv") and len(command["sha256"]) == 64 and command["at"]
    assert command["map"]["lr"] == "learning rate" and command["set"]["wd"] == "0"
    overrides = [command["words"][0].replace("import-csv ", ""), *command["words"][1:]]
    assert main(["import-csv", *overrides]) == 0  # the recorded command imports the file again
    assert len(reader.load(Path("results/theirs"))[0]) == 2
    assert yaml.safe_load(Path("results/theirs/study.yaml").read_text()) == study


def test_columns_that_are_additional_settings(imported, rejected, tmp_path):
    content = "optimizer,lr,wd,seed,test_error,val_error,momentum,host\nsgd,1,0,0,0.1,0.1,0.9,x\nsgd,1,0,0,0.2,0.2,0.5,y\n"
    err = rejected(content)
    assert (
        "rows 2 and 3 are the same run (optimizer sgd, dataset cifar10, model resnet18, lr 1.0, wd 0.0, seed 0)"
        in err
    )
    assert "name its column: --settings momentum host" in err
    runs, _, out = imported(content, f"{CIFAR} --settings momentum")
    assert "not used: host" in out
    assert runs["momentum"].tolist() == [0.9, 0.5]
    assert RunTable.from_frames(runs).setting_columns == ["lr", "wd", "momentum"]
    assert RunTable.from_frames(runs).summary["momentum"].tolist() == [0.9]
    other = content.replace("0.9", "high").replace("0.5", "low")
    (tmp_path / "other.csv").write_text(other)
    flags = ["--study", "theirs", *shlex.split(CIFAR), "--settings", "momentum"]
    assert main(["import-csv", str(tmp_path / "other.csv"), *flags]) == 2
    assert len(reader.load(Path("results/theirs"))[0]) == 2


def test_a_column_of_numbers_is_no_name(imported):
    """Many files call a training loss "loss"; ours is the name of one."""
    runs, _, out = imported(
        "optimizer,lr,wd,seed,loss,test_loss\na,1,0,0,0.5,0.7\nb,1,0,0,0.4,0.8\n"
    )
    assert "not used: loss" in out and "loss" not in set(runs["loss"].str.replace("loss", ""))
    mapped, _, _ = imported(
        "optimizer,lr,wd,seed,loss\na,1,0,0,0.5\n", f"{CIFAR} --map test_loss=loss", "m"
    )
    assert mapped["test_loss"].tolist() == [0.5]


WHERE = """problem,optimizer,learning rate,wd,seed,val_error,test_error
1,sgd,1,0,0,0.1,0.2
1,sgd,0.5,0,0,0.2,0.3
2,sgd,1,0,0,oops,0.4
"1,2",sgd,1,0,1,0.3,0.5
"""


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("problem=1", [0.2, 0.3]),
        ("problem!=2", [0.2, 0.3, 0.5]),
        ("problem=1,2", [0.5]),
        ("problem=1 lr<1", [0.3]),
        ("'test_error>=0.2' test_error<0.4", [0.2, 0.3]),
    ],
)
def test_rows_that_meet_conditions(where, kept, imported):
    """A cell of another row that cannot be read does not matter."""
    flags = f"{CIFAR} --map 'lr=learning rate' --where {where}"
    runs, _, out = imported(WHERE, flags)
    assert runs["test_error"].tolist() == kept
    assert f"{len(kept)} rows that meet --where, each a run" in out
    (command,) = yaml.safe_load(Path("results/theirs/study.yaml").read_text())["asked"]
    assert main(["import-csv", "runs.csv", *command["words"][1:]]) == 0
    assert len(reader.load(Path("results/theirs"))[0]) == len(kept)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("problem=3", "runs.csv has problem=3: problem holds 1, 1,2, 2."),
        ("problm=1", "--where problm=1: "),
        ("problm=1", "has no column 'problm'. Did you mean 'problem'?"),
        ("test_error=x", "Cannot read the filter 'test_error=x': 'x' is not a number."),
        ("problem", "Cannot read the filter 'problem': write COLUMN=VALUE"),
        ("seed<1", "row 4: val_error (column 'val_error') should be a number, not 'oops'"),
    ],
)
def test_conditions_that_no_row_meets(where, message, rejected):
    assert message in rejected(WHERE, f"{CIFAR} --map 'lr=learning rate' --where '{where}'")


def test_a_name_with_an_underscore_is_not_a_number(imported):
    """Python reads 1_0 as 10."""
    rows = "optimizer,lr,wd,seed,test_error,setting\na,1,0,1_0,0.1,1_0\na,1,0,10,0.2,10\n"
    runs, _, _ = imported(rows, f"{CIFAR} --settings setting")
    assert runs["setting"].tolist() == ["1_0", "10"] and runs["seed"].nunique() == 2


TWO_SEEDS = """optimizer,lr,wd,data_seed,init_seed,test_error
a,1,0,0,1,0.1
a,1,0,1,0,0.2
b,1,0,0,1,0.3
"""


def test_seeds_of_several_columns(imported):
    runs, _, out = imported(TWO_SEEDS, f"{CIFAR} --map seed=data_seed,init_seed")
    a, other, b = runs["seed"]
    assert a == b != other and "2 seeds" in out
    assert "seed                 data_seed,init_seed" in out and "not used" not in out


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("data_seed,init_sed", "has no column 'data_seed,init_sed'."),
        ("data_seed,init_seed", "row 4: seed is empty"),
    ],
)
def test_seeds_of_columns_that_do_not_exist_or_are_empty(columns, message, rejected):
    empty = TWO_SEEDS.replace("0,1,0.3", "0, ,0.3")
    assert message in rejected(empty, f"{CIFAR} --map seed={columns}")


def test_a_setting_that_is_called_setting(imported):
    content = "optimizer,lr,wd,seed,test_error,setting\na,1,0,0,0.1,x\na,1,0,0,0.2,y\n"
    runs, _, out = imported(content, f"{CIFAR} --settings setting")
    assert runs["setting"].tolist() == ["x", "y"] and "2 settings" in out
    assert "Without a validation metric, `report` cannot select among settings" in out


SCORES = "optimizer,lr,wd,seed,val_reward,test_reward\n" + "".join(
    f"{name},{lr},0,{seed},{score + seed},{score + seed**2 / 7}\n"
    for name, lr, score in (("a", 0.1, -20), ("a", 1, -3), ("b", 0.1, 15), ("b", 1, 9))
    for seed in range(3)
)


def test_scores_of_which_higher_is_better(imported, vector_plots, few_statistics, capsys):
    """The best setting has the highest score; intervals may lie below 0."""
    losses = "val_loss test_loss"
    flags = f"--map val_loss=val_reward test_loss=test_reward --higher-is-better {losses}"
    runs, _, _ = imported(SCORES, f"{CIFAR} {flags}")
    assert runs["test_loss"].tolist()[-1] == -(9 + 4 / 7)
    table = RunTable.from_frames(runs)
    assert table.selected().groupby("optimizer")["lr"].first().to_dict() == {"a": 1, "b": 0.1}
    best = best_settings(table).set_index("optimizer")
    mean = -np.mean([15, 15 + 1 / 7, 15 + 4 / 7])
    assert best.loc["b", "estimate"] == pytest.approx(mean)
    assert best.loc["b", "ci_low"] < mean < best.loc["b", "ci_high"] < 0
    assert main(["report", "theirs"]) == 0
    assert "b beats a on test loss" in capsys.readouterr().out


def test_a_study_with_validation_only(imported, vector_plots, few_statistics, capsys):
    """It is selected and reported on validation, and the audit says so."""
    content = "optimizer,lr,wd,seed,val_loss\n" + "".join(
        f"{name},{lr},0,{seed},{loss + (seed * (2 if name == 'b' else 3) % 5) / 100}\n"
        for name, lr, loss in (("a", 0.1, 3.0), ("a", 1, 2.0), ("b", 0.1, 4.0), ("b", 1, 5.0))
        for seed in range(5)
    )
    runs, metrics, out = imported(content + "b,9,0,0,nan\n")
    assert runs["status"].tolist() == ["done"] * 20 + ["diverged"] and "Without" not in out
    table = RunTable.from_frames(runs, metrics)
    assert table.metric() == "val_loss"
    assert table.selected().groupby("optimizer")["lr"].first().to_dict() == {"a": 1, "b": 0.1}
    (finding,) = (found for found in audit(table) if found.kind == "splits")
    assert finding.text.startswith("Settings are selected and reported on the same split")
    assert main(["report", "theirs"]) == 0
    out = capsys.readouterr().out
    assert "a beats b on validation loss by 2.0" in out and "Failed" not in out
    assert main(["show", runs["run_id"][0]]) == 0
    tested = RunTable.from_frames(runs.assign(test_loss=1.0))
    assert tested.metric() == "test_loss" and not list(CHECKS["splits"](tested))


def test_seeds_that_are_texts(imported, no_plots):
    """They have the same number in every file; numbers stay what they are."""
    rows = "a,1,0,{},0.1,0.2\nb,1,0,{},0.1,0.3\nb,1,0,{},0.1,0.3\n"
    runs, _, out = imported(BASE + rows.format("run-3", "run-3", "7"))
    again, _, _ = imported(BASE + rows.format("x", "7", " run-3 "), study="again")
    text = int(hashlib.sha256(b"run-3").hexdigest()[:12], 16)
    assert runs["seed"].tolist() == [text, text, 7] and "2 seeds" in out
    assert again["seed"].tolist()[1:] == [7, text]
    assert again["run_id"].tolist()[1:] == runs["run_id"].tolist()[:0:-1]
    assert main(["report", "theirs"]) == 0


@pytest.mark.parametrize(
    ("content", "flags", "message"),
    [
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
        (BASE.replace("val_error,test_error", "v,err") + ROWS, CIFAR, "has no test metric: --map test_error=COLUMN"),
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
        (BASE.replace("wd", "problem") + ROWS, f"{CIFAR} --settings problem --set wd=0", "--settings problem: reports use this name"),
        (BASE + ROWS, f"{CIFAR} --higher-is-better test_error", "--higher-is-better test_error: applies to losses only"),
        (BASE + ROWS, f"{CIFAR} --higher-is-better test_loss", "--higher-is-better test_loss: no column of the file is test_loss"),
        (BASE + ROWS, f"{CIFAR} --map val_loss=wd test_loss=wd", "--map val_loss and test_loss are both column 'wd'"),
    ],
)  # fmt: skip
def test_invalid_cells_and_mappings(content, flags, message, rejected):
    assert message in rejected(content, flags)
