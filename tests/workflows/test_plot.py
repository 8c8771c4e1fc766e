"""A plot of stored studies as a file."""

import pytest

from adamcmp.errors import ConfigError
from adamcmp.plots import PLOTS
from adamcmp.reporting import compute_answer
from adamcmp.workflows.plot import draw_plot, list_plots
from tests.support.imports import BASE, imported_study

ROWS = "".join(
    f"{optimizer},0.1,0,{seed},{error},{error + 0.01 * seed}\n"
    for optimizer, error in (("adamw", 0.2), ("sgd", 0.3))
    for seed in range(3)
)


def test_every_plot_is_listed():
    assert list(list_plots()) == list(PLOTS) and all(list_plots().values())


def test_a_plot_is_drawn_into_a_file(results, tmp_path):
    study = imported_study(results / "s")
    report = study / "report"
    assert draw_plot("strip", [study]) == report / "strip.png"
    named = draw_plot("strip", [study], where="seed == 0", options={"metric": "val_error"})
    assert named.parent.parent == report and named.name == "strip.png"
    assert named.parent.name.startswith("metric=val_error,seed_==_0-")
    path = draw_plot("strip", [study], "new/x.SVG", options={"metric": "test_error"})
    assert path.resolve() == tmp_path / "new" / "x.svg" and "<svg" in path.read_text()
    with pytest.raises(ConfigError, match=r"No run has lr > 7: lr holds "):
        draw_plot("strip", [study], where="lr > 7")


def test_a_forest_plot_is_a_look(results):
    study, notices = imported_study(results / "s", BASE + ROWS), []
    draw_plot("strip", [study])
    assert not (study / "looks").exists()
    draw_plot("forest", [study], on_notice=notices.append)
    (look,) = compute_answer([study]).table.looks.looks
    assert (look.a, look.b, look.metric) == ("AdamW", "SGD", "test_error") and notices == []


@pytest.mark.parametrize(
    ("name", "out", "options", "message"),
    [
        ("strp", None, {}, "no plot 'strp'. Did you mean 'strip'?"),
        ("strip", None, {"x": "lr"}, "The plot strip has no --x. Its options: --metric"),
        ("strip", "f.jpg", {}, "must end in .png, .svg, .pdf"),
        ("strip", "f.sgv", {}, "Did you mean 'svg'?"),
        ("strip", "folder.png", {}, "folder.png is a folder. Name a file, such as folder.png/strip.png."),
    ],
)  # fmt: skip
def test_arguments_are_checked_before_a_study_is_read(name, out, options, message, tmp_path):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ConfigError) as error:
        draw_plot(name, [tmp_path / "no_study"], out, options=options)
    assert message in str(error.value)
