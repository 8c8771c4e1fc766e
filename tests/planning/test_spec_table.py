"""The columns of many runs as a table."""

import pytest

from adamcmp.planning.spec_table import spec_table
from adamcmp.storage.arrow import run_schema, table_of_rows


@pytest.mark.parametrize(
    "overrides",
    [
        "optimizer=glob(*,exclude=torch) wd=0,0.01 seeds=2",
        "optimizer=torch optimizer.target=torch.optim.NAdam +optimizer.momentum_decay=0.1,1",
        "wd_schedule=null,cosine,wsd schedule=step,cosine steps=null,7 epochs=3",
        "model=glob(*,exclude=custom) dataset=digits,mnist1d optimizer.betas=[0.8,0.9],[0.9,0.99]",
    ],
)
def test_it_is_the_table_of_the_rows_of_the_runs(specs, overrides):
    planned = specs(overrides.split())
    expected = table_of_rows([spec.columns() for spec in planned], run_schema())
    assert spec_table(planned, run_schema()).equals(expected)
    few = run_schema().empty_table().select(["lr", "run_id", "wd_schedule"]).schema
    assert spec_table(planned, few).equals(expected.select(few.names))


def test_no_runs():
    assert spec_table([], run_schema()).num_rows == 0
