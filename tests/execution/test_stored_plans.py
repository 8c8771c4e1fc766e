"""Plans are read as they were written, or it is said what is wrong."""

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adamcmp.components.optimizers.adam import Adam
from adamcmp.components.trusted_code import ANY_CODE, NO_CODE, UntrustedCode, trusting
from adamcmp.errors import ConfigError, StoreError
from adamcmp.execution import stored_plans
from adamcmp.execution.plan_contents import PlanHeader, PlannedGroup
from adamcmp.execution.stored_plans import StoredPlan, encode_plan

FILE = "s/queue/plan-000001.parquet"


def header_of(shares, **changes):
    runs = tuple(sum(len(group.specs) for group in share) for share in shares)
    header = PlanHeader(("lr=0.1",), share_runs=runs, share_seconds=(1.0,) * len(runs))
    return replace(header, **changes)


def stored(shares, **changes):
    """Write shares and read them again."""
    return StoredPlan(encode_plan(header_of(shares, **changes), shares), FILE)


def planned(specs, attempt=0, grouped=True):
    return PlannedGroup(tuple(specs), {spec.run_id: attempt for spec in specs}, grouped)


def contents(group):
    """Return what is stored of a group: not the number of epochs where there is one of steps."""
    settings = [{**spec.config.settings(), "epochs": None} for spec in group.specs]
    ids = [(spec.run_id, spec.run_kind, spec.numerics) for spec in group.specs]
    return settings, ids, dict(group.attempts), group.grouped


def with_header(content, change):
    """Return the content of a plan with a changed header, as another version would write it."""
    table = pq.read_table(pa.BufferReader(content))
    values = json.loads(table.schema.metadata[b"adamcmp_plan"])
    change(values)
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.replace_schema_metadata({b"adamcmp_plan": json.dumps(values).encode()}), sink
    )
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    "overrides",
    [
        "optimizer=sgd,lion model=mlp,cnn1d wd=0.01",
        pytest.param("optimizer=glob(*,exclude=torch) wd=0.01", marks=pytest.mark.slow),
        pytest.param("model=glob(*,exclude=custom)", marks=pytest.mark.slow),
        "schedule=constant,step wd_schedule=null,cosine steps=null,7 grad_clip=null,1.5 seeds=2",
        "loss=cross_entropy loss.label_smoothing=0,0.1 dataset=teacher,digits data_seed=null,seed",
        "dataset=teacher dataset.task=regression loss=mse optimizer.betas=[0.8,0.9],[0.9,0.99]",
        "optimizer=torch optimizer.target=torch.optim.NAdam +optimizer.momentum_decay=0.1,1",
        "optimizer=torch optimizer.target=torch.optim.Rprop,torch.optim.Adagrad",
        "model=custom model.target=tests.support.pausing_net.PausingNet lr=0.1,1",
    ],
)
@pytest.mark.usefixtures("any_code")
def test_runs_are_read_as_they_were_planned(overrides, specs):
    runs = specs(overrides.split())
    share = [planned(runs[:1], attempt=2), planned(runs[1:])]
    plan = stored([share])
    groups = plan.share(0)
    assert [contents(group) for group in groups] == [contents(group) for group in share]
    assert plan.attempts() == {spec.run_id: 0 for spec in runs} | {runs[0].run_id: 2}
    first = {spec.run_kind: spec.run_id for spec in reversed(runs)}
    assert {spec.run_kind: spec.run_id for spec in plan.examples()} == first


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7, 100])
def test_shares_across_row_groups(rows, specs, monkeypatch):
    monkeypatch.setattr(stored_plans, "ROW_GROUP", rows)
    monkeypatch.setattr(stored_plans, "WRITTEN_ROWS", 2 * rows)
    runs = specs(["seeds=10"])
    sizes = [3, 1, 4, 2]
    shares = [
        [planned(runs[sum(sizes[:n]) : sum(sizes[: n + 1])], attempt=n)] for n in range(len(sizes))
    ]
    plan = stored(shares)
    assert [plan.share(number) for number in range(4)] == shares
    assert [*plan.attempts().values()] == [0] * 3 + [1] + [2] * 4 + [3] * 2
    assert plan.header.runs == 10 and plan.examples() == [runs[0]]


def test_runs_that_the_worker_groups(specs):
    one, two, three = specs(["seeds=3"])
    plan = stored([[planned([one], grouped=False), planned([two, three], grouped=False)]])
    assert plan.share(0) == [planned([one, two, three], grouped=False)]


def test_runs_need_not_be_built_again(specs):
    runs = specs(["seeds=3"])
    plan = stored([[planned(runs)]])
    group = plan.share(0, {runs[1].run_id: runs[1]})[0]
    assert group.specs[1] is runs[1] and group.specs[0] is not runs[0] and group.specs[0] == runs[0]


def test_code_of_a_plan_is_imported_only_if_it_is_trusted(specs):
    overrides = ["model=custom", "model.target=tests.support.pausing_net.PausingNet"]
    with trusting(ANY_CODE):
        plan = stored([[planned(specs(overrides))]])
    for read in (lambda: plan.share(0), plan.examples):
        with trusting(NO_CODE), pytest.raises(UntrustedCode, match=f"{FILE} names code: model.tar"):
            read()


def test_other_code_would_train_other_runs(specs, monkeypatch):
    plan = stored([[planned(specs(["optimizer=adamw", "lr=0.1"]))]])
    monkeypatch.setattr(Adam, "revision", 1)
    for read in (lambda: plan.share(0), plan.examples):
        with pytest.raises(
            StoreError, match=r"would train other runs.*optimizer\.revision differs"
        ):
            read()


def test_other_files_would_train_other_runs(specs, tmp_path):
    data = tmp_path / "data.csv"
    lines = ["a,b,y", *(f"{i % 7},{i % 5},{i % 2}" for i in range(40))]
    data.write_text("\n".join(lines))
    plan = stored([[planned(specs(["dataset=csv", "dataset.path=data.csv", "dataset.target=y"]))]])
    assert len(plan.share(0)[0].specs) == 1
    data.write_text("\n".join([*lines, "1,1,1"]))
    with pytest.raises(StoreError, match=r"dataset\.sha256 differs"):
        plan.share(0)


def test_a_setting_that_this_version_lacks(specs):
    content = encode_plan(header_of([[planned(runs := specs(["seeds=1"]))]]), [[planned(runs)]])
    table = pq.read_table(pa.BufferReader(content))
    other = table.set_column(table.schema.get_field_index("model"), "model", pa.array(["later"]))
    sink = pa.BufferOutputStream()
    pq.write_table(other, sink)
    with pytest.raises(ConfigError, match="later"):
        StoredPlan(sink.getvalue().to_pybytes(), FILE).share(0)


def test_a_plan_of_another_version(specs):
    shares = [[planned(specs(["seeds=1"]))]]
    content = encode_plan(header_of(shares, versions={"adamcmp": "9.9", "torch": "1"}), shares)

    def with_new_key(values):
        values["priority"] = 1

    with pytest.raises(ConfigError, match=f"{FILE}: it has priority.*adamcmp 9.9 wrote it"):
        StoredPlan(with_header(content, with_new_key), FILE)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("share_runs", None, ""),
        ("share_runs", ["x"], r"share_runs: 0: Input should be a valid integer"),
        ("share_runs", [7], "its shares are not those of its rows"),
        ("example_rows", [5], "its shares are not those of its rows"),
        ("lease_seconds", "long", "lease_seconds: Input should be a valid number"),
    ],
)
def test_a_damaged_header(specs, key, value, text):
    shares = [[planned(specs(["seeds=1"]))]]
    content = encode_plan(header_of(shares), shares)
    damaged = with_header(content, lambda values: values.update({key: value}))
    with pytest.raises(StoreError, match=f"{FILE} is damaged .{text}"):
        StoredPlan(damaged, FILE)


def test_a_plan_without_columns(specs):
    shares = [[planned(specs(["seeds=1"]))]]
    table = pq.read_table(pa.BufferReader(encode_plan(header_of(shares), shares)))
    sink = pa.BufferOutputStream()
    pq.write_table(table.drop_columns(["run_id", "device"]), sink)
    with pytest.raises(StoreError, match=f"{FILE} is damaged .it has no device, run_id.*Delete it"):
        StoredPlan(sink.getvalue().to_pybytes(), FILE)


@pytest.mark.parametrize("name", ["dataset", "optimizer.rule"])
def test_a_plan_without_a_column_of_some_settings(name, specs):
    shares = [[planned(specs(["seeds=1"]))]]
    table = pq.read_table(pa.BufferReader(encode_plan(header_of(shares), shares)))
    sink = pa.BufferOutputStream()
    pq.write_table(table.drop_columns([name]), sink)
    plan = StoredPlan(sink.getvalue().to_pybytes(), FILE)
    with pytest.raises(StoreError, match=f"{FILE} is damaged .it has no {name}.*Delete it"):
        plan.share(0)


def test_a_plan_with_another_type_of_values(specs):
    shares = [[planned(specs(["seeds=1"]))]]
    table = pq.read_table(pa.BufferReader(encode_plan(header_of(shares), shares)))
    place, texts = table.schema.get_field_index("engine"), table["engine"].cast(pa.binary())
    sink = pa.BufferOutputStream()
    pq.write_table(table.set_column(place, "engine", texts), sink)
    with pytest.raises(StoreError, match=f"{FILE} is damaged .the values of engine have another"):
        StoredPlan(sink.getvalue().to_pybytes(), FILE)


def test_a_damaged_file(specs):
    """Whatever byte is damaged, the error says so, or the plan is as it was."""
    shares = [[planned(runs := specs(["seeds=40"]))]]
    content = encode_plan(header_of(shares), shares)
    for damaged in (b"", b"not parquet", content[:-9], content[: len(content) // 2]):
        with pytest.raises(StoreError, match=f"{FILE} is damaged.*Delete it"):
            StoredPlan(damaged, FILE)
    noticed = 0
    for position in range(4, len(content) - 4, len(content) // 60):
        changed = bytearray(content)
        changed[position] ^= 0x55
        try:
            plan = StoredPlan(bytes(changed), FILE)
            assert plan.attempts().keys() == {spec.run_id for spec in runs}
            assert plan.share(0) == shares[0]
        except (StoreError, ConfigError) as error:
            noticed += "damaged" in str(error)
    assert noticed > 20


def test_the_header_is_read_as_it_was_written(specs):
    shares = [[planned(specs(["seeds=2"]))]]
    header = header_of(
        shares,
        overrides=("lr=0.1", "study=ü"),
        owner="w",
        lease_seconds=7.5,
        share_seconds=(None,),
        versions={"adamcmp": "9", "torch": "8"},
        mixed_versions=True,
        executor="slurm",
    )
    read = StoredPlan(encode_plan(header, shares), FILE).header
    assert read == replace(header, example_rows=(0,))
