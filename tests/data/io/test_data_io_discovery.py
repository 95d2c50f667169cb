"""A source names each of its files once."""

import time

import pytest

from disttrain.data import files
from disttrain.errors import DataError


@pytest.mark.parametrize(
    "source", [["a.csv", "a.csv"], ["a.csv", "deep/../a.csv"], ["*.csv", "a.csv"], ["links/one.csv", "a.csv"], "links/*.csv", "links"]
)
def test_a_file_that_is_named_twice_is_refused_however_it_is_named(tmp_path, source):
    for name in ("a.csv", "b.csv", "deep/a.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x\n1\n")
    (tmp_path / "links").mkdir()
    for name in ("one", "two"):
        (tmp_path / "links" / f"{name}.csv").symlink_to(tmp_path / "a.csv")
    with pytest.raises(DataError) as caught:
        files(source, tmp_path)
    assert [finding.code for finding in caught.value.findings] == ["file-twice"]
    assert len(files(["a.csv", "b.csv", "deep/a.csv"], tmp_path)) == 3


@pytest.mark.slow
def test_thousands_of_named_files_are_found_at_once(tmp_path):
    names = [f"{number}.csv" for number in range(6_000)]
    for name in names:
        (tmp_path / name).touch()
    start = time.perf_counter()
    assert len(files(names, tmp_path)) == 6_000
    # Looking through all that were found for each takes four seconds.
    assert time.perf_counter() - start < 2
