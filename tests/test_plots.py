"""Every plot of unusual studies: it is complete in every format, or raises with the reason."""

import io
import re
import xml.etree.ElementTree as ET
from functools import cache, partial

import pytest
from PIL import Image

from adamcmp.analysis import RunTable
from adamcmp.plots import (
    FORMATS,
    PLOTS,
    NothingToDraw,
    relabel,
    save,
)
from tests.support.hand_made import study, table

LONG = "a_variant_of_mine_whose_name_is_very_long_indeed_and_goes_on"
NAMES = ("adam_l2", "adamw", "sgd", "sgdw", "adam", LONG, "a$b$_^{x", "</text><&\x00")
FIVE = ("mnist1d", "digits", "cifar10", "teacher", "a_long_name_of_a_dataset_of_mine")
#: What builds the table of each study: building all takes a second in each process that collects.
STUDIES = {
    "usual": table,
    "eight optimizers, one seed": partial(table, NAMES, seeds=1),
    "regression, two problems, two seeds, diverged": partial(
        table, problems=("d", "e"), regression=True, seeds=2, diverged_from=0.02
    ),
    "one run": partial(table, ["adamw"], lr=(1e-2,), wd=(0.0,), seeds=1),
    "five problems": partial(table, NAMES[:3], FIVE),
    "two seeds": partial(table, seeds=2),
    "diverged": partial(table, diverged_from=0.02, seeds=4),
    "restarts": partial(table, schedule="cosine_restarts"),
    "one setting": partial(table, lr=(1e-2,), wd=(0.0,), seeds=5),
    "no curves": partial(table, steps=(40,)),
    "no wd": partial(table, wd=(0.0,)),
    "wd 0 too": partial(table, wd=(0.0, 1e-3, 1e-2)),
}
ONE_SETTING = {"one setting", "one run"}
NONE_DIVERGED = {study for study in STUDIES if "diverged" not in study}
ONE_PROBLEM = {*STUDIES} - {"regression, two problems, two seeds, diverged", "five problems"}
#: Which plots do not apply to which studies.
NOT_APPLICABLE = {
    "heatmap": {*ONE_SETTING, "no wd"},
    "divergence": NONE_DIVERGED,
    "forest": {"one run", "eight optimizers, one seed"},
    "matched_gap": set(),
    "profiles": ONE_PROBLEM,
    "sensitivity": ONE_SETTING,
    "tuning_curves": ONE_SETTING,
    **{name: {"no curves"} for name in ("learning_curves", "gap_curves", "anytime", "norms")},
}
#: Plots whose artists belong to pairs of optimizers.
WITHOUT_OPTIMIZER_ARTISTS = {"forest"}


@cache
def table_of(name):
    return STUDIES[name]()


@cache
def two_problems():
    return table(problems=("d", "e"), seeds=2, diverged_from=0.1)


def study_names():
    """Return the names of studies, most of them marked as slow: all plots of all take minutes."""
    quick = "eight optimizers, one seed"
    return [pytest.param(n, marks=[] if n == quick else pytest.mark.slow) for n in STUDIES]


@pytest.mark.parametrize("study", study_names())
@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_of_every_study_is_complete(name, study):
    table = table_of(study)
    if study in NOT_APPLICABLE.get(name, ()):
        with pytest.raises(NothingToDraw) as error:
            PLOTS[name].data(table)
        assert re.fullmatch(r"[A-Z].*\.", str(error.value))
        return
    figure = PLOTS[name].figure(table)
    svg = saved(figure, "svg", name)
    assert len(svg) < 600_000
    assert 3.3 < figure.get_figwidth() < 7.1
    drawn = figure.get_tightbbox()
    assert drawn.x0 > -0.02 and drawn.x1 < figure.get_figwidth() + 0.02, "beyond the figure"
    root = ET.fromstring(svg)
    ids = {e.get("id", "") for e in root.iter()}
    marked = {i.removeprefix("optimizer:") for i in ids if i.startswith("optimizer:")}
    assert len(table.optimizers) == 1 or "AdamW" in " ".join(root.itertext())
    for optimizer in () if name in WITHOUT_OPTIMIZER_ARTISTS else relabel(table).optimizers:
        assert any(optimizer in m for m in marked), f"{optimizer} cannot be hidden"


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n == "learning_curves" else pytest.mark.slow) for n in PLOTS],
)
def test_every_plot_opens_in_the_other_formats(name):
    figure = PLOTS[name].figure(two_problems())
    files = {suffix: saved(figure, suffix, name) for suffix in FORMATS if suffix != "svg"}
    with Image.open(io.BytesIO(files["png"])) as image:
        assert image.size == pytest.approx(figure.get_size_inches() * 200, abs=1)
        assert len(image.convert("RGB").getcolors(1 << 20)) > 20
    assert files["pdf"].startswith(b"%PDF")


def saved(figure, suffix, name) -> bytes:
    file = io.BytesIO()
    save(figure, file, suffix, name)
    return file.getvalue()


def test_the_same_data_gives_the_same_files():
    def drawn():
        return saved(PLOTS["strip"].figure(table()), "svg", "strip")

    assert drawn() == drawn()


def test_a_problem_that_lacks_a_metric_of_another_has_an_empty_panel():
    """As imported runs, which may have no training metrics and so no gaps."""
    runs, metrics = study(problems=("d", "imported"))
    lacking = runs["dataset"] == "imported"
    runs.loc[lacking, ["gap_error", "gap_loss", "train_error", "train_loss"]] = float("nan")
    figure = PLOTS["strip"].figure(RunTable.from_frames(runs, metrics))
    assert [ax.get_visible() for ax in figure.axes].count(False) == 1
