"""Reports that follow a sweep."""

import contextlib

import pytest

import adamcmp
from adamcmp.cli import main
from adamcmp.cli import report as report_command
from adamcmp.reporting.watch import watch
from tests.support.studies import FAST
from tests.support.training_elsewhere import training_elsewhere


class TestWatching:
    def test_follows_a_sweep_to_its_end(self, quick_reports, results):
        adamcmp.run([*FAST, "seed=0"])
        folder, counts, pages = results / "s", [], []
        with contextlib.ExitStack() as sweep:
            sweep.enter_context(training_elsewhere(folder))

            def on_report(written):
                counts.append(sum(written.answer.counts.values()))
                pages.append((written.folder / "index.html").read_text())
                if len(counts) == 1:
                    adamcmp.run([*FAST, "seed=1"])
                else:
                    sweep.close()

            notes = []
            written = watch([folder], [], 2.0, on_report, notes.append, sleep=lambda seconds: None)
        assert counts == [1, 2] and len(written.answer.runs) == 2
        assert all('http-equiv="refresh" content="2"' in page for page in pages)
        assert 'http-equiv="refresh"' not in (written.folder / "index.html").read_text()
        assert "0 of 1 runs" in notes[1] and "the last" in notes[-1]

    def test_an_interrupt_leaves_a_finished_page(self, quick_reports, results):
        adamcmp.run(FAST)

        def stop(seconds):
            raise KeyboardInterrupt

        with training_elsewhere(results / "s"):
            written = watch(
                [results / "s"], [], 2.0, lambda written: None, lambda text: None, sleep=stop
            )
        page = (written.folder / "index.html").read_text()
        assert 'http-equiv="refresh"' not in page and "</html>" in page

    def test_waits_for_the_study(self, monkeypatch, capsys):
        monkeypatch.setattr(report_command, "STUDY_TIMEOUT", 0.1)
        assert main(["report", "later", "--watch"]) == 2
        assert "Waiting 0.1 s for it." in capsys.readouterr().err

    def test_waits_for_the_first_run(self, quick_reports, results):
        adamcmp.run([*FAST, "optimizer=sgd", "lr=1e30"])  # diverged: nothing to report yet
        with training_elsewhere(results / "s"):
            pauses = []

            def sleep(seconds):
                pauses.append(seconds)
                adamcmp.run(FAST)
                if len(pauses) == 2:
                    raise KeyboardInterrupt

            written = watch(
                [results / "s"], [], 2.0, lambda written: None, lambda text: None, sleep
            )
        assert pauses == [2.0, 2.0] and len(written.answer.runs) == 2

    def test_without_a_sweep_it_reports_once(self, quick_reports, capsys):
        adamcmp.run(FAST)
        assert main(["report", "s", "--watch", "1"]) == 0
        done = capsys.readouterr()
        assert "No process is training" in done.err and "(1 done)" in done.out

    @pytest.mark.parametrize("seconds", ["0", "-1", "x", "nan", "1e9"])
    def test_seconds_are_checked(self, seconds, capsys):
        assert main(["report", "s", f"--watch={seconds}"]) == 2
        assert "should be a number of seconds" in capsys.readouterr().err
