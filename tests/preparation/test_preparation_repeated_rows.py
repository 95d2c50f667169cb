"""Warnings about subjects on both sides of a split: where there are some, with the way out, and nowhere else."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

from disttrain.data import Source
from disttrain.errors import DataError, Finding
from disttrain.preparation.load import dataset
from disttrain.preparation.prepare import prepare
from disttrain.validation.config import configuration
from disttrain.workflows.check import check
from tests.small_runs import CONFIGS, write_config

SUBJECTS, ROWS = 18, 10


def grouped_table(seed=0, first=0):
    rng = np.random.default_rng(seed)
    subject = rng.permutation(np.repeat(np.arange(SUBJECTS), ROWS))
    columns = {f"a{n}": np.round(rng.normal(size=SUBJECTS), 3)[subject] for n in range(4)}
    return pa.table(
        columns | {
            "dose": rng.normal(size=len(subject)),
            "day": rng.permutation(len(subject)),
            "subject": [f"p{n + first}" for n in subject],
            "ward": [f"w{(n + first) % 6}" for n in subject],
            "y": rng.normal(size=len(subject)),
        }
    )  # fmt: skip


FEATURES = ["a0", "a1", "a2", "a3", "dose"]
FOUND = "`subject` has 18 values, and 4 of 5 features are the same in all rows of a value"


def warnings_of(tmp_path, data, table=None, suffix="parquet", network=None, limit=None):
    table = grouped_table() if table is None else table
    write = pq.write_table if suffix == "parquet" else arrow_csv.write_csv
    write(table, tmp_path / f"t.{suffix}")
    document = {"distribution": "normal", "data": {"train": f"t.{suffix}", "target": "y", "features": FEATURES} | data}
    path = write_config(tmp_path / "config.yaml", document | ({"network": network} if network else {}))
    return [text for text in dataset(configuration(path), limit).warnings if "subject" in text]


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize(
    "data",
    [
        {},
        {"id": ["subject"]},
        {"features": "*", "exclude": ["subject", "ward", "day"]},
        {"validation": None, "test": 0.2},
        {"split": {"method": "group", "by": "ward"}, "validation": {"column": "day", "values": list(range(40))}, "test": 0.2},
        {"validation": {"column": "day", "values": list(range(40))}, "test": 0.1},
    ],
    ids=str,
)
def test_subjects_on_both_sides_of_a_split_are_told_with_the_way_out(data, suffix, tmp_path):
    (warning,) = warnings_of(tmp_path, data, suffix=suffix)
    assert warning.startswith(FOUND)
    assert warning.endswith("; `data.split: {method: group, by: subject}` keeps them together")


def test_a_subject_that_is_a_feature_is_told_beside_the_other_features(tmp_path):
    (warning,) = warnings_of(tmp_path, {"features": [*FEATURES, "subject"]})
    assert "4 of 5 other features" in warning


@pytest.mark.parametrize(
    "data",
    [
        {"split": {"method": "group", "by": "subject"}, "test": 0.2},
        # Every subject is in one ward.
        {"split": {"method": "group", "by": "ward"}, "test": 0.2},
        {"split": {"method": "time", "by": "day"}},
        {"validation": None},
        {"validation": {"column": "subject", "values": ["p1", "p4"]}},
        {"validation": {"column": "ward", "values": ["w1"]}, "test": {"column": "ward", "values": ["w2"]}},
    ],
    ids=str,
)
def test_a_split_that_keeps_subjects_together_is_silent(data, tmp_path):
    assert warnings_of(tmp_path, data) == []


@pytest.mark.parametrize("first", [0, 100])
@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_file_of_its_own_is_told_only_where_it_has_the_same_subjects(part, first, tmp_path):
    pq.write_table(grouped_table(1, first), tmp_path / "own.parquet")
    warnings = warnings_of(tmp_path, {"validation": None} | {part: "own.parquet"})
    assert len(warnings) == (first == 0)
    assert all("`data.validation: 0.15` with `data.split: {method: group, by: subject}` keeps" in text for text in warnings)
    pq.write_table(grouped_table(1, first).drop_columns(["subject"]), tmp_path / "own.parquet")
    assert warnings_of(tmp_path, {"validation": None} | {part: "own.parquet"}) == []


@pytest.mark.parametrize(
    ("split", "told"),
    [({}, True), ({"by": "subject"}, False), ({"by": "ward"}, False), ({"by": "day"}, True), ({"of": "time", "by": "day"}, False)],
    ids=str,
)
def test_members_with_rows_of_their_own_are_told_of_their_own_way_out(split, told, tmp_path):
    warnings = warnings_of(tmp_path, {"split": {"method": "per_member"} | split}, network={"members": 3})
    assert len(warnings) == told
    assert all("`data.split: {method: per_member, by: subject}`" in text for text in warnings)


def test_a_filter_and_a_limit_hold_for_the_columns_without_a_role_too(tmp_path):
    (warning,) = warnings_of(tmp_path, {"filter": "day >= 20"})
    assert warning.startswith(FOUND)
    assert len(warnings_of(tmp_path, {"filter": "day >= 20"}, limit=150)) == 1


def test_columns_that_no_model_needs_stop_nothing(tmp_path):
    table = grouped_table().append_column("notes", pa.array(["x" * 500] * 180)).append_column("list", pa.array([[1.0]] * 180))
    table = table.append_column("bytes", pa.array([b"\xff\xfe"] * 180)).append_column("none", pa.nulls(180))
    assert len(warnings_of(tmp_path, {}, table)) == 1


def test_columns_without_a_role_that_cannot_be_read_stop_nothing(tmp_path, monkeypatch):
    read = Source.read

    def of_features(source, forms, *rest):
        if "subject" in forms:
            raise DataError(Finding("too-large", "the columns in use take more than half of this machine's memory"))
        return read(source, forms, *rest)

    monkeypatch.setattr(Source, "read", of_features)
    assert warnings_of(tmp_path, {}) == []


def test_check_shows_the_warning_and_a_split_by_it_ends_it(tmp_path):
    warnings_of(tmp_path, {})
    remarks = [remark for remark in check(configuration(tmp_path / "config.yaml")) if remark.warning and "subject" in remark.text]
    assert [remark.topic for remark in remarks] == ["data"]
    split = configuration(tmp_path / "config.yaml", ["data.split={method: group, by: subject}"])
    assert not any("subject" in text for text in prepare(split).data.warnings)


def test_identical_rows_on_both_sides_name_the_column_that_keeps_them_together(tmp_path):
    rng = np.random.default_rng(4)
    record = rng.permutation(np.repeat(np.arange(100), 2))
    columns = {"x": rng.normal(size=100)[record], "y": rng.normal(size=100)[record], "record": record, "row": np.arange(200)}
    write = {"features": ["x"], "validation": 0.2}
    table = pa.table(columns | {"subject": np.arange(200)})
    warnings_of(tmp_path, write, table)
    (warning,) = [text for text in dataset(configuration(tmp_path / "config.yaml")).warnings if "identical" in text]
    assert warning.endswith("; `data.split: {method: group, by: record}` keeps those of one `record` together")
    warnings_of(tmp_path, write, table.drop_columns(["record"]))
    (warning,) = [text for text in dataset(configuration(tmp_path / "config.yaml")).warnings if "identical" in text]
    assert warning.endswith("are identical to a training row")


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_no_config_of_the_samples_is_told_of_subjects(path):
    assert not any("rows of a value" in text or "data.split" in text for text in dataset(configuration(path)).warnings)
