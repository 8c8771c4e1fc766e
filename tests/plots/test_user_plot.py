"""A plot file of the user: its options, what its functions get, and its errors."""

import pytest
from matplotlib.figure import Figure

from adamcmp.errors import ConfigError, NothingToDraw
from adamcmp.plots import find_plot
from tests.support.hand_made import table
from tests.support.user_plot import PLOT

TABLE = table()


@pytest.fixture
def plot(tmp_path):
    """Return the plot in a file with some text."""

    def find(text):
        (tmp_path / "mine.py").write_text(text)
        return find_plot(str(tmp_path / "mine.py"))

    return find


def test_a_file_is_a_plot(plot):
    user_plot = plot(PLOT)
    assert (user_plot.name, user_plot.title, user_plot.caption) == (
        "mine",
        "Losses of runs",
        "Each line is a run.",
    )
    assert user_plot.options == {"metric": "train_loss"}
    assert user_plot.data(TABLE, metric="test_loss").tolist() == TABLE.runs["test_loss"].tolist()
    assert isinstance(user_plot.figure(TABLE), Figure)


def test_errors_name_the_line(plot):
    user_plot = plot(PLOT.replace("runs[metric]", "runs['no']"))
    with pytest.raises(ConfigError, match=r"mine\.py, line 8 in data: KeyError: 'no'"):
        user_plot.data(TABLE)


def test_nothing_to_draw_is_passed_on(plot):
    raises = "    from adamcmp.plots import NothingToDraw\n    raise NothingToDraw('No losses.')"
    user_plot = plot(PLOT.replace("    return runs[metric]", raises))
    with pytest.raises(NothingToDraw, match=r"No losses\."):
        user_plot.data(TABLE)
