"""The largest lr that still trains."""

import numpy as np
import pandas as pd
import pytest

from adamcmp.analysis import RunTable, cells_that_train, stability_frontier
from tests.support.gridded import LR, WD, grid, runs, stacked

NAN = float("nan")


class TestFrontier:
    @staticmethod
    def starts(frame: pd.DataFrame, loss: float = 2.0) -> pd.DataFrame:
        """Return metrics, of which only the first training loss is read."""
        rows = [frame[["run_id"]].assign(step=s, train_loss=v) for s, v in ((0, loss), (9, 99.0))]
        return stacked(*rows[::-1])

    def test_the_largest_lr_that_trains_at_each_wd(self):
        frame = runs(lambda x, y: np.where(x + y > 0.1, NAN, 0.2), grid())
        table = stability_frontier(RunTable(frame, self.starts(frame))).set_index("wd")
        assert table["estimate"].to_numpy() == pytest.approx(1 / np.array(WD))
        assert (table["all_seeds"] == table["estimate"]).all()
        assert table["beyond"].iloc[1:].to_numpy() == pytest.approx(LR[1:][::-1])
        assert np.isnan(table["beyond"].iloc[0]) and (table["n"] == 3).all()

    @pytest.mark.parametrize("loss", [2.5, 1.9, 1.2])  # the initial loss is 2, the lowest 0.2
    def test_a_run_that_ends_little_better_than_it_began_does_not_train(self, loss):
        frame = runs(
            lambda x, y: np.where(x > 0.6, loss, 0.2) + 0 * y, grid()
        )  # the loss is the error
        table = stability_frontier(RunTable(frame, self.starts(frame)))
        assert table["estimate"].to_numpy() == pytest.approx(10**0.5)
        unknown = stability_frontier(RunTable(frame, self.starts(frame).iloc[:0]))
        assert unknown["estimate"].to_numpy() == pytest.approx(LR[-1])

    def test_seeds_that_disagree(self):
        frame = runs(lambda x, y: 0.2 + 0 * x, grid(wd=[1.0]))
        frame.loc[(frame["seed"] == 0) & (frame["lr"] > 1), ["status", "train_loss"]] = [
            "diverged",
            NAN,
        ]
        frame.loc[(frame["seed"] == 1) & (frame["lr"] > 9), ["status", "train_loss"]] = [
            "diverged",
            NAN,
        ]
        row = stability_frontier(RunTable(frame, self.starts(frame))).iloc[0]
        logs = np.array([0, 0.5, 1.5])
        assert np.log10(row["estimate"]) == pytest.approx(logs.mean())
        assert row[["all_seeds", "beyond"]].tolist() == pytest.approx([1.0, 10**0.5])
        half = 4.302652729911275 * logs.std(ddof=1) / 3**0.5
        assert np.log10(row["ci_low"]) == pytest.approx(logs.mean() - half)
        assert logs.mean() + half > 1.5 and row["ci_high"] == max(LR)  # no larger lr was tried

    @pytest.mark.parametrize(("lowest", "end"), [(0, "ci_high"), (5, "ci_low")])
    def test_the_interval_ends_where_the_grid_ends(self, lowest, end):
        frame = runs(lambda x, y: 0.2 + 0 * x, grid(wd=[1.0]), seeds=6)
        # Of six seeds, one reaches another lr than the five on the grid's edge.
        diverged = (frame["lr"] > LR[0]) & (frame["seed"] >= 6 - lowest)
        diverged |= (frame["seed"] == 0) & (frame["lr"] > 1)
        frame.loc[diverged, ["status", "train_loss"]] = ["diverged", NAN]
        row = stability_frontier(RunTable(frame, self.starts(frame))).iloc[0]
        assert row["n"] == 6 and row["ci_low"] < row["estimate"] < row["ci_high"]
        assert row[end] == {"ci_high": max(LR), "ci_low": min(LR)}[end]

    def test_cells_that_train(self):
        """A small lr at which training is too slow is still below the frontier."""
        frame = runs(lambda x, y: np.where(x < -1.2, 2.0, 0.2) + 0 * y, grid(wd=[1.0]))
        frame.loc[(frame["seed"] == 0) & (frame["lr"] > 9), "status"] = "diverged"
        cells = cells_that_train(RunTable(frame, self.starts(frame))).sort_values("lr")
        assert cells["trains"].tolist() == [False, *[True] * 4, False, False]
        (frontier,) = stability_frontier(RunTable(frame, self.starts(frame)))["all_seeds"]
        assert frontier == cells["lr"].iloc[4]
        empty = cells_that_train(RunTable(frame.iloc[:0], self.starts(frame)))
        assert empty.empty and list(empty) == ["problem", "optimizer", "wd", "lr", "trains"]

    def test_evaluation_seeds_and_a_single_lr_have_no_effect(self):
        frame = runs(lambda x, y: 0.2 + 0 * x, grid())
        fresh = runs(lambda x, y: 0.2 + 0 * x, [(LR[0], WD[0])], 9)
        both = stacked(frame, fresh[fresh["seed"] >= 3])
        assert (stability_frontier(RunTable(both, self.starts(both)))["n"] == 3).all()
        single = runs(lambda x, y: 0.2 + 0 * x, grid(lr=[0.1]))
        assert stability_frontier(RunTable(single, self.starts(single))).empty
        assert stability_frontier(RunTable(single.iloc[:0], self.starts(single))).empty
