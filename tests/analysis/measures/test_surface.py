"""The error over lr × weight decay."""

import numpy as np
import pandas as pd
import pytest

from adamcmp.analysis import RunTable, additive_surface, surface
from tests.support.gridded import LR, WD, bowl, grid, runs, stacked, without_val

NAN = float("nan")


class TestSurface:
    def test_cells(self):
        frame = runs(lambda x, y: np.where(x > 1, NAN, bowl(0)(x, y)), grid(), 2)
        table = surface(RunTable(frame)).set_index(["lr", "wd"])
        assert len(table) == 49
        best = table.loc[(1.0, 1.0)]
        assert best[["estimate", "val", "rank", "diverged", "n"]].tolist() == [0.2, 0.2, 0, 0, 2]
        gone = table.loc[LR[-1]]
        assert (
            gone["estimate"].isna().all()
            and (gone["diverged"] == 2).all()
            and (gone["n"] == 0).all()
        )
        assert set(gone["rank"]) == set(range(42, 49))  # after all settings that completed

    def test_other_settings_are_the_best_ones(self):
        frame = stacked(
            runs(bowl(0, best=0.3), grid(), **{"optimizer.eps": 1e-8}),
            runs(bowl(0, best=0.1), grid(), **{"optimizer.eps": 1e-4}),
        )
        table = surface(RunTable(frame))
        assert len(table) == 49 and table["estimate"].min() == pytest.approx(0.1)

    def test_evaluation_seeds_have_no_effect(self):
        frame = runs(bowl(0), grid(), 3, noise=0.01)
        fresh = runs(bowl(0), [(1.0, 1.0)], 13, noise=0.5)
        both = stacked(frame, fresh[fresh["seed"] >= 3])
        pd.testing.assert_frame_equal(surface(RunTable(both)), surface(RunTable(frame)))

    def test_a_cell_without_common_seeds_uses_all_of_its_seeds(self):
        frame = runs(bowl(0), grid(), 2)
        cell = (frame["lr"] == LR[0]) & (frame["wd"] == WD[0])
        frame.loc[cell, "seed"] += 7
        assert (surface(RunTable(frame))["n"] == 2).all() and len(surface(RunTable(frame))) == 49

    def test_without_validation_cells_have_no_rank(self):
        table = surface(RunTable(without_val(runs(bowl(0), grid()))))
        assert len(table) == 49 and table["rank"].isna().all() and table["estimate"].notna().all()

    def test_the_additive_model_is_the_surface_where_that_is_additive(self):
        fitted = additive_surface(RunTable(runs(bowl(0), grid())))
        assert len(fitted) == len(LR) * len(WD)
        assert fitted["fitted"].to_numpy() == pytest.approx(fitted["value"].to_numpy())
