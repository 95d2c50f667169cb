"""Sources of other machines: each is refused with the command that really downloads it, or with the path that an address means."""

from __future__ import annotations

import pytest

from disttrain.config.remote import remote

# As the manuals of the programs have it: `aws s3 cp`, `gcloud storage cp`, `curl`, `hf download`, `azcopy copy`.
COMMANDS = {
    "s3://bucket/a/claims.parquet": "aws s3 cp s3://bucket/a/claims.parquet .",
    "s3a://bucket/claims.parquet": "aws s3 cp s3://bucket/claims.parquet .",
    "GS://bucket/claims.parquet": "gcloud storage cp gs://bucket/claims.parquet .",
    "https://example.org/claims.csv": "curl -LO https://example.org/claims.csv",
    "https://example.org/claims.csv?a=1&b=2": "curl -LO 'https://example.org/claims.csv?a=1&b=2'",
    "hf://datasets/owner/claims/data/train.parquet": (
        "hf download owner/claims data/train.parquet --repo-type dataset --revision main --local-dir ."
    ),
    "hf://datasets/owner/claims@v2/train.parquet": (
        "hf download owner/claims train.parquet --repo-type dataset --revision v2 --local-dir ."
    ),
    "hf://datasets/owner/claims@refs%2Fconvert%2Fparquet/a/0.parquet": (
        "hf download owner/claims a/0.parquet --repo-type dataset --revision refs/convert/parquet --local-dir ."
    ),
    "hf://datasets/owner/claims@refs/convert/parquet/a/0.parquet": (
        "hf download owner/claims a/0.parquet --repo-type dataset --revision refs/convert/parquet --local-dir ."
    ),
    "abfss://box@account.dfs.core.windows.net/a/claims.parquet": "azcopy copy https://account.dfs.core.windows.net/box/a/claims.parquet .",
    "wasbs://box@account.blob.core.windows.net/claims.csv": "azcopy copy https://account.blob.core.windows.net/box/claims.csv .",
}  # fmt: skip
PATHS = {
    "file:///tmp/claims.csv": "/tmp/claims.csv",
    "FILE:///tmp/claims.csv": "/tmp/claims.csv",
    "file:/tmp/claims.csv": "/tmp/claims.csv",
    "file://localhost/tmp/claims.csv": "/tmp/claims.csv",
    "file:///tmp/our%20claims.csv": "/tmp/our claims.csv",
    "file:///C:/data/claims.csv": "C:/data/claims.csv",
    "file://claims.csv": "claims.csv",
}


@pytest.mark.parametrize("source", COMMANDS)
def test_a_source_of_another_machine_is_told_how_it_is_downloaded(source):
    what, hint = remote(source)
    assert " is not on this machine" in what
    assert hint == f"download it, `{COMMANDS[source]}`, and name the file here"


@pytest.mark.parametrize("source", PATHS)
def test_an_address_of_a_file_is_told_the_path_that_it_means(source):
    assert remote(source) == (f"`{source}` is an address, not a path", f"write `{PATHS[source]}`")


@pytest.mark.parametrize("source", ["s3://bucket", "s3://bucket/2024/*.parquet", "hf://owner/model/a.csv", "abfss://box/a.csv"])
def test_where_no_one_command_does_it_none_is_given(source):
    assert remote(source)[1] == "download it, and name the file here"


def test_rows_of_a_database_are_written_to_a_file():
    assert remote("postgresql://host/claims")[1].startswith("write the rows to a file first")


@pytest.mark.parametrize("source", ["claims.csv", "a/claims.csv", "/tmp/claims.csv", "C:\\claims.csv", "file.csv", "file:claims.csv", "-"])
def test_a_path_is_a_path(source):
    assert remote(source) is None
