"""`adamcmp report`: what it prints and writes, of one study and of several."""

import xml.etree.ElementTree as ET

import pandas as pd
import pytest
from PIL import Image

import adamcmp
from adamcmp.cli import main
from adamcmp.cli import report as report_command
from adamcmp.plots import PLOTS
from adamcmp.reporting import rendering
from tests.support.imports import BASE, imported_study
from tests.support.studies import FAST


@pytest.mark.parametrize(("pairs", "printed"), [(15, 15), (16, 16), (435, 16)])
def test_the_terminal_shows_some_of_many_pairs(pairs, printed):
    """The first ones, which are the significant ones, and the number of the others."""
    sentences = tuple(f"A beats B{number}." for number in range(pairs))
    shown = report_command._printed_pairs(sentences)
    assert len(shown) == printed and shown[:15] == list(sentences[:15])
    if pairs > 15:
        assert shown[-1].startswith(f"{pairs - 15} more pair")


class TestCommand:
    def test_writes_page_plots_and_tables(self, results, monkeypatch, capsys):
        plots = {name: PLOTS[name] for name in ("learning_curves", "loss_vs_error", "heatmap")}
        monkeypatch.setattr(rendering, "PLOTS", plots)
        adamcmp.sweep([*FAST, "optimizer=adam_l2,adamw", "lr=1e-3,1e-2", "seed=0,1"])
        adamcmp.run([*FAST, "optimizer=sgd", "lr=1e30"])
        assert main(["report", "s"]) == 0
        out = capsys.readouterr().out
        assert "s: teacher, mlp (8 done, 1 diverged)" in out
        folder = results / "s" / "report"
        assert f"page: {folder / 'index.html'}" in out
        drawn = {path.stem for path in folder.glob("*.svg")}
        assert drawn == {"learning_curves", "loss_vs_error"}  # a heatmap needs two values of wd
        for name in drawn:
            with Image.open(folder / f"{name}.png") as image:
                assert min(image.size) > 300
                assert len(image.convert("RGB").getcolors(1 << 20)) > 20
            text = " ".join(ET.parse(folder / f"{name}.svg").getroot().itertext())
            assert "Adam+L2" in text and "AdamW" in text
            assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        page = (folder / "index.html").read_text()
        assert all(f'id="plot-{name}"' in page for name in drawn)
        assert "No optimizer has a grid" in page
        table = pd.read_csv(folder / "summary.csv")
        assert sorted(table["optimizer"]) == ["adam_l2", "adamw", "sgd"]
        assert table.set_index("optimizer")["diverged"].to_dict() == {
            "adam_l2": 0,
            "adamw": 0,
            "sgd": 1,
        }
        assert "validation" in (folder / "summary.md").read_text()

    def test_a_folder_that_cannot_be_written(self, results, few_statistics, capsys):
        adamcmp.sweep([*FAST, "optimizer=adam_l2,adamw", "seed=0,1"])
        (results / "s" / "report").touch()
        assert main(["report", "s"]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"adamcmp: Cannot write to {results / 's' / 'report'}: ")
        assert error.endswith("`adamcmp report --format md` prints the tables.\n")

    def test_the_same_data_gives_the_same_files(self, two_plots, few_statistics, results):
        adamcmp.sweep([*FAST, "seed=0,1"])
        contents = []
        for _ in range(2):
            assert main(["report", "s"]) == 0
            files = sorted((results / "s" / "report").iterdir())
            contents.append([file.read_bytes() for file in files])
        assert contents[0] == contents[1]

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (["--baseline", "adamw"], ["Compared with AdamW on test error: SGD and Lion are worse.",
                                       "The 2 comparisons with AdamW on test error are one family"]),
            (["--margin", "50"], ["(Holm-adjusted p of a larger difference < 0.001)",
                                  "The 3 pairs on test error are one family"]),
        ],
    )  # fmt: skip
    def test_the_question_of_comparisons(self, quick_reports, results, capsys, options, expected):
        rows = "".join(
            f"{name},0.1,0,{seed},{error},{error + noise}\n"
            for name, error, noises in (
                ("adamw", 0.20, (0.00, 0.02, 0.01, 0.03, 0.00, 0.02)),
                ("sgd", 0.30, (0.01, 0.03, 0.00, 0.02, 0.02, 0.01)),
                ("lion", 0.40, (0.02, 0.00, 0.01, 0.01, 0.03, 0.02)),
            )
            for seed, noise in enumerate(noises)
        )
        imported_study(results / "s", BASE + rows, paired_seeds=True)
        assert main(["report", "s", *options]) == 0
        out = " ".join(capsys.readouterr().out.split())
        assert [text for text in expected if text not in out] == []
        page = (results / "s" / "report" / "index.html").read_text()
        assert ('class="margin"' in page) == ("--margin" in options)

    def test_an_unknown_baseline(self, quick_reports, results, capsys):
        imported_study(results / "s")
        assert main(["report", "s", "--baseline", "adam"]) == 2
        assert "The baseline 'adam' is not an optimizer" in capsys.readouterr().err
        assert not (results / "s" / "report").exists()

    def test_latest_study_and_filters(self, quick_reports, capsys):
        adamcmp.sweep([*FAST, "lr=1e-3,1e-2"])
        assert main(["report", "lr=0.01"]) == 0
        out = capsys.readouterr().out
        assert "(1 done)" in out and "No comparison of optimizers. It needs two" in out
        assert main(["report", "s", "lr=7"]) == 2
        assert "No run has" in capsys.readouterr().err

    def test_regression_several_problems_and_one_seed(
        self, results, two_plots, few_statistics, capsys
    ):
        overrides = ["dataset.task=regression", "loss=mse", "model=mlp,logistic"]
        adamcmp.sweep([*FAST, *overrides])
        assert main(["report", "s"]) == 0
        out = capsys.readouterr().out
        assert "logistic" in out and "test loss" in out and "test error" not in out
        svg = (results / "s" / "report" / "learning_curves.svg").read_text()
        assert "mean squared error" in svg and "One seed" in svg

    def test_classification_beside_regression(
        self, results, two_plots, few_statistics, capsys, monkeypatch
    ):
        monkeypatch.setenv("COLUMNS", "200")
        adamcmp.run([*FAST])
        adamcmp.run([*FAST, "dataset.task=regression", "loss=mse", "model=logistic"])
        assert main(["report", "s"]) == 0
        (header,) = (r for r in capsys.readouterr().out.splitlines() if r.startswith("problem"))
        assert "test error" in header and "test loss" in header
        svg = (results / "s" / "report" / "learning_curves.svg").read_text()
        assert "mean squared error" in svg and "cross-entropy (nats)" in svg

    def test_a_plot_that_fails_does_not_affect_others(
        self, results, two_plots, few_statistics, monkeypatch, caplog, capsys
    ):
        def broken(table):
            raise ZeroDivisionError("of <b>one's</b> own")

        monkeypatch.setattr(PLOTS["loss_vs_error"], "data", broken)
        adamcmp.run(FAST)
        assert main(["report", "s"]) == 1
        assert "The report lacks loss_vs_error because of an error" in capsys.readouterr().out
        page = (results / "s" / "report" / "index.html").read_text()
        assert "ZeroDivisionError: of &lt;b&gt;one" in page and "The report lacks loss_vs" in page
        assert "loss_vs_error failed" in caplog.text and "Traceback" in caplog.text

    def test_removes_files_of_an_earlier_report(self, quick_reports, results):
        adamcmp.run(FAST)
        folder = results / "s" / "report"
        folder.mkdir()
        for name in ("mine.png", "comparisons.csv"):
            (folder / name).write_bytes(b"")
        assert main(["report", "s"]) == 0
        assert not (folder / "comparisons.csv").exists()
        assert (folder / "summary.csv").exists() and (folder / "mine.png").exists()

    def test_a_report_of_some_runs_leaves_that_of_all_runs(self, quick_reports, results, capsys):
        adamcmp.sweep([*FAST, "optimizer=adam_l2,adamw", "seeds=2"])
        assert main(["report", "s"]) == 0
        folder = results / "s" / "report"
        before = {file: file.read_bytes() for file in folder.iterdir()}
        assert folder / "comparisons.csv" in before
        assert main(["report", "s", "seed<1", "optimizer=adamw", "--strict"]) == 1
        (part,) = [path for path in folder.iterdir() if path.is_dir()]
        assert part.name.startswith("optimizer=adamw,seed_1-")
        assert f"page: {part / 'index.html'}" in capsys.readouterr().out
        assert (part / "index.html").exists() and not (part / "comparisons.csv").exists()
        assert {file: file.read_bytes() for file in folder.iterdir() if file != part} == before

    def test_the_next_command_of_a_report_of_some_runs(self, quick_reports, capsys):
        adamcmp.sweep([*FAST, "lr=1e-3,1e-2", "seeds=2", "results=other"])
        assert main(["report", "s", "seed<2", "--results", "other"]) == 0
        out = capsys.readouterr().out
        assert "Next: adamcmp extend s --results other\n" in out
        assert out.count("    adamcmp extend s --results other\n") == 1

    def test_a_study_without_runs(self, results, capsys):
        adamcmp.sweep([*FAST, "optimizer=adamw", "seeds=2"])
        for part in (*(results / "s" / "runs").iterdir(), *(results / "s" / "metrics").iterdir()):
            part.unlink()
        for overrides in (
            ["report", "s"],
            ["plot", "strip", "s"],
            ["report", "s", "--format", "md"],
        ):
            assert main(overrides) == 2
            assert "has no runs yet" in capsys.readouterr().err
        assert main(["extend", "s"]) == 2
        assert "has no runs yet" in capsys.readouterr().err

    def test_strict(self, quick_reports, results, capsys):
        # A quarter of six steps has an evaluation.
        each = [*FAST, "eval.every_steps=1", "data_seed=seed"]
        adamcmp.sweep([*each, "optimizer=adam_l2,adamw", "seeds=5"])
        assert main(["report", "s", "--strict"]) == 0
        assert "audit, " not in capsys.readouterr().out
        page = (results / "s" / "report" / "index.html").read_text()
        assert "The audit has no findings." in page
        adamcmp.sweep([*each, "optimizer=sgd", "seeds=2"])
        assert main(["report", "s", "--strict"]) == 1
        assert "audit, warning: " in capsys.readouterr().out
        page = (results / "s" / "report" / "index.html").read_text()
        assert "trained with different seeds" in page and "The audit has no findings" not in page

    def test_a_check_that_could_not_run_is_not_a_finding(self, quick_reports, capsys):
        constant = [*FAST, "schedule=constant"]  # else early steps tell nothing of a shorter run
        adamcmp.sweep([*constant, "optimizer=adam_l2,adamw", "seeds=5", "study=late"])
        assert main(["report", "late", "--strict"]) == 0
        printed = capsys.readouterr().out
        assert "audit, note: The ranking is unknown at" in printed
        assert "audit, note: All seeds have one split of the data" in printed


class TestFormats:
    def test_tables_are_printed_or_written_to_a_file(
        self, quick_reports, tmp_path, results, capsys
    ):
        adamcmp.run(FAST)
        assert main(["report", "s", "--format", "csv"]) == 0
        printed = capsys.readouterr().out
        assert "problem,opt" in printed
        assert main(["report", "s", "--format", "csv", "--out", "table"]) == 0
        assert (tmp_path / "table").read_text() == printed
        assert main(["report", "s", "--format", "csv", "--out", "no/table"]) == 2
        assert not (results / "s" / "report").exists()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--format", "csv", "--watch"], "cannot be combined with --format"),
            (["--out", "x"], "--out FILE needs --format"),
        ],
    )
    def test_options_that_exclude_each_other(self, arguments, message, capsys):
        adamcmp.run(FAST)
        assert main(["report", "s", *arguments]) == 2
        assert message in capsys.readouterr().err


class TestSeveralStudies:
    def test_are_reported_as_one(self, quick_reports, results, capsys):
        adamcmp.sweep([*FAST, "optimizer=adamw", "seed=0,1", "study=a"])
        adamcmp.sweep([*FAST, "optimizer=adam_l2", "seed=0,1", "study=b"])
        assert main(["report", "a", "b"]) == 0
        assert "a + b: teacher, mlp (4 done)" in capsys.readouterr().out
        assert (results / "a+b" / "report" / "index.html").exists()
        assert main(["ls"]) == 0 and "a+b" not in capsys.readouterr().out
