"""`adamcmp plot`: what it draws, and what it says of wrong arguments."""

import shutil
import xml.etree.ElementTree as ET

import pyarrow.parquet as pq
import pytest

import adamcmp
from adamcmp.analysis import RunTable
from adamcmp.cli import main
from adamcmp.cli.completion import candidates
from adamcmp.plots import PLOTS, NothingToDraw
from tests.support.user_plot import PLOT


class TestCommand:
    def test_a_study_that_only_diverged(self, results, capsys):
        data = ["dataset=teacher", "dataset.train_examples=200", "steps=50", "study=d"]
        assert main(["sweep", *data, "lr=1e6,1e7", "wd=0.1,0.2", "seeds=2"]) == 0
        assert "`adamcmp plot divergence d` shows where" in capsys.readouterr().out
        assert main(["plot", "divergence", "d"]) == 0
        assert (results / "d" / "report" / "divergence.png").exists()
        for name in PLOTS.keys() - {"divergence", "heatmap"}:
            assert main(["plot", name, "d"]) == 2, name
        for path in (results / "d" / "runs").iterdir():  # all of them crashed
            rows = pq.read_table(path).to_pandas().assign(status="failed")
            with pytest.raises(NothingToDraw):
                PLOTS["strip"].data(RunTable.from_frames(rows))

    @pytest.fixture
    def study(self, results, tmp_path_factory):
        """Study s, trained once for all tests."""
        trained = tmp_path_factory.getbasetemp() / "study_of_plots"
        if trained.exists():
            shutil.copytree(trained, results / "s")
        else:
            data = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50"]
            grid = ["optimizer=adam_l2,adamw", "lr=1e-3,1e-2", "wd=1e-3,1e-2"]
            adamcmp.sweep([*data, *grid, "steps=6", "eval.every_steps=2", "study=s"])
            shutil.copytree(results / "s", trained)
        return results / "s"

    def test_without_arguments_it_lists(self, capsys):
        assert main(["plot"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [text.split()[0] for text in lines] == list(PLOTS)
        assert all(len(text.split()) > 3 for text in lines)

    def test_draws(self, study, capsys, tmp_path):
        assert main(["plot", "heatmap", "s"]) == 0
        assert capsys.readouterr().out == f"{study}/report/heatmap.png\n"
        query = ["--where", "optimizer in ['adamw']", "--metric", "loss", "--x", "step"]
        assert main(["plot", "learning_curves", "s", *query, "--out", "new/f.svg"]) == 0
        text = " ".join(ET.parse(tmp_path / "new" / "f.svg").getroot().itertext())
        assert "AdamW" in text and "Adam+L2" not in text and "steps" in text
        assert "cross-entropy" in text and "error" not in text
        assert main(["plot", "strip", "--hue", "lr", "--out", "f.PDF"]) == 0
        assert (tmp_path / "f.pdf").read_bytes().startswith(b"%PDF")

    def test_several_studies(self, study, capsys, results):
        adamcmp.run(["dataset=digits", "steps=4", "eval.every_steps=2", "study=t"])
        assert main(["plot", "strip", "s", "t"]) == 0
        assert (results / "s+t" / "report" / "strip.png").is_file()
        assert main(["plot", "strip", "s", "t", "--facet", "study", "--out", "f.svg"]) == 0

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["heatmp", "s"], "no plot 'heatmp'. Did you mean 'heatmap'?"),
            (["heatmap", "r"], "no study 'r'"),
            (["heatmap", "s", "--out", "f"], "must end in .png, .svg, .pdf"),
            (["heatmap", "s", "--out", "a_file/f.png"], "Cannot write"),
            (["heatmap", "s", "--where", "wd == 0.01"], "grid of several lr"),
            (["strip", "s", "--metric", "tst_loss"], "Did you mean 'test_loss'"),
            (["mine.py", "s"], "no file mine.py"),
        ],
    )
    def test_wrong_arguments(self, study, arguments, message, capsys, tmp_path):
        (tmp_path / "a_file").touch()
        before = {*tmp_path.rglob("*")}
        assert main(["plot", *arguments]) == 2
        err = capsys.readouterr().err
        assert message in err and len(err.splitlines()) <= 2 and "Traceback" not in err
        assert {*tmp_path.rglob("*")} == before

    def test_a_file_of_the_user(self, study, tmp_path, capsys):
        (tmp_path / "mine.py").write_text(PLOT)
        assert main(["plot", "mine.py", "s", "--metric", "test_loss", "--out", "m.png"]) == 0
        assert (tmp_path / "m.png").is_file()
        assert main(["plot", "mine.py", "s"]) == 0 and (study / "report" / "mine.png").is_file()
        capsys.readouterr()
        assert main(["plot", "mine.py", "s", "--hue", "lr"]) == 2
        assert "has no --hue. Its options: --metric." in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "def data(runs, metrics): ...",
                "has no function draw: a plot has data(runs, metrics)",
            ),
            ("import no_such_module", "mine.py, line 1: ModuleNotFoundError"),
            ("x = (", "mine.py, line 1: SyntaxError"),
            (PLOT.replace("runs[metric]", "runs['no']"), "mine.py, line 8 in data: KeyError: 'no'"),
            (
                PLOT.replace("return figure", "return 3"),
                "draw returned int, not a matplotlib Figure",
            ),
        ],
    )
    def test_a_broken_file(self, study, text, message, tmp_path, capsys):
        (tmp_path / "mine.py").write_text(text)
        assert main(["plot", "mine.py", "s"]) == 2
        assert message in capsys.readouterr().err

    def test_completion(self, study):
        assert candidates("adamcmp plot hea") == ["heatmap"]
        assert candidates("adamcmp plot ") == sorted(PLOTS)
        assert candidates("adamcmp plot heatmap ")[-1] == "s"
        assert "--where" in candidates("adamcmp plot heatmap s --w")
