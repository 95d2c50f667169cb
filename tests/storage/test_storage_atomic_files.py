"""A file is absent, old or whole; never half, and never somebody else's."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from disttrain.errors import OutputExists, StorageError
from disttrain.storage import atomic_files
from tests.storage.storage_cases import fail_at, leftovers

OLD, NEW = b"old " * 1000, b"new " * 5000
NOT_FILES = {
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "link": lambda path: path.symlink_to(path.parent / "elsewhere"),
    "device link": lambda path: path.symlink_to("/dev/null"),
}


@pytest.mark.parametrize("before", [None, OLD])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EIO])
def test_a_fault_at_any_call_leaves_the_old_file_or_the_new_one(tmp_path: Path, before: bytes | None, code: int) -> None:
    for nth in range(1, 20):
        path = tmp_path / f"{nth}" / "file.bin"
        path.parent.mkdir()
        if before is not None:
            path.write_bytes(before)
        with pytest.MonkeyPatch.context() as patch:
            calls = fail_at(patch, ("fsync", "replace"), nth, code)
            try:
                atomic_files.write_bytes(path, NEW)
                raised = None
            except StorageError as error:
                raised = error
        found = path.read_bytes() if path.exists() else None
        assert not leftovers(path.parent)
        if len(calls) < nth:
            assert (raised, found) == (None, NEW)
            break
        assert raised is not None
        assert raised.exit_code == 6
        assert raised.findings[0].where == str(path)
        assert raised.findings[0].hints
        # Only syncing the folder comes after the rename.
        assert found == (NEW if nth == len(calls) == 3 else before)
    else:
        pytest.fail("no number of calls was enough")
    assert nth == 4, "file sync, rename and folder sync are the three calls that can fail"


@pytest.mark.parametrize("nth", range(1, 8))
def test_a_file_that_cannot_be_opened_is_a_storage_error_or_no_matter(tmp_path: Path, nth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(OLD)
    calls = fail_at(monkeypatch, ("open", "listdir", "lstat"), nth, errno.EMFILE)
    try:
        atomic_files.write_bytes(path, NEW)
    except StorageError:
        assert path.read_bytes() in (OLD, NEW)
    else:
        assert path.read_bytes() == NEW
        assert len(calls) < nth
    monkeypatch.undo()
    assert not leftovers(tmp_path)


def test_a_disk_that_fills_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    # A limit on the size of files makes a real write stop half way.
    program = (
        "import resource, sys; from pathlib import Path; from disttrain.errors import StorageError; from disttrain.storage import atomic_files\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try: atomic_files.write_bytes(Path(sys.argv[1]), bytes(50_000))\n"
        "except StorageError as error: print(error.findings[0].code)"
    )
    path = tmp_path / "file.bin"
    path.write_bytes(OLD)
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    assert done.stdout == "disk-full\n"
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), OSError("a writer's own words"), KeyboardInterrupt(), ValueError("bug")])
def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(OLD)
    with pytest.raises(StorageError if isinstance(error, OSError) else type(error)), atomic_files.replacing(path) as part:  # noqa: PT012
        part.write_bytes(NEW)
        raise error
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["file.bin"]


def test_a_writer_may_itself_rename_its_file_into_place(tmp_path: Path) -> None:
    with atomic_files.replacing(tmp_path / "file.bin") as part:
        other = tmp_path / "other"
        other.write_bytes(NEW)
        other.replace(part)
    assert (tmp_path / "file.bin").read_bytes() == NEW


@pytest.mark.parametrize("kind", NOT_FILES)
@pytest.mark.parametrize("overwrite", [True, False])
def test_what_is_no_regular_file_is_left_alone(tmp_path: Path, kind: str, overwrite: bool) -> None:
    path, elsewhere = tmp_path / "file.bin", tmp_path / "elsewhere"
    elsewhere.write_bytes(OLD)
    NOT_FILES[kind](path)
    before = os.lstat(path)
    with pytest.raises(StorageError), atomic_files.replacing(path, overwrite=overwrite) as part:
        part.write_bytes(NEW)
    assert os.path.samestat(before, os.lstat(path))
    assert elsewhere.read_bytes() == OLD


def test_without_overwrite_a_file_that_is_there_or_comes_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    with pytest.raises(OutputExists), atomic_files.replacing(path, overwrite=False) as part:  # noqa: PT012
        part.write_bytes(NEW)
        path.write_bytes(OLD)
    with pytest.raises(OutputExists), atomic_files.replacing(path, overwrite=False):
        pytest.fail("the block must not run")
    assert path.read_bytes() == OLD
    path.unlink()
    with atomic_files.replacing(path, overwrite=False) as part:
        part.write_bytes(NEW)
    assert path.read_bytes() == NEW
    assert os.listdir(tmp_path) == ["file.bin"]


def test_where_hard_links_are_missing_a_file_still_takes_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_at(monkeypatch, ("link",), 1, errno.EPERM)
    with atomic_files.replacing(tmp_path / "file.bin", overwrite=False) as part:
        part.write_bytes(NEW)
    assert (tmp_path / "file.bin").read_bytes() == NEW


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_the_mode_obeys_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        atomic_files.write_text(tmp_path / "file.txt", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "file.txt").st_mode) == 0o666 & ~umask


def test_leftovers_of_the_dead_are_removed_and_those_of_the_living_are_not(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    dead = tmp_path / f".file.bin.{'0' * 16}.part"
    dead.write_bytes(OLD)
    foreign = tmp_path / ".file.bin.mine.part"
    foreign.write_bytes(OLD)
    with atomic_files.replacing(path) as living:
        living.write_bytes(OLD)
        atomic_files.write_bytes(path, NEW)
        assert living.exists()
        assert not dead.exists()
    assert path.read_bytes() == OLD
    assert sorted(os.listdir(tmp_path)) == [foreign.name, "file.bin"]


def test_writers_at_once_never_mix(tmp_path: Path) -> None:
    path, texts = tmp_path / "file.bin", [bytes([65 + writer]) * 20_000 for writer in range(4)]
    errors: list[BaseException] = []

    def write(data: bytes) -> None:
        try:
            for _ in range(25):
                atomic_files.write_bytes(path, data)
                assert path.read_bytes() in texts
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(data,)) for data in texts]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert errors == []
    assert os.listdir(tmp_path) == ["file.bin"]


def test_a_missing_folder_and_a_name_too_long_are_storage_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "no" / "file", tmp_path / ("n" * 300), tmp_path / "file" / "file"):
        (tmp_path / "file").write_bytes(OLD)
        with pytest.raises(StorageError):
            atomic_files.write_bytes(path, NEW)
    longest = tmp_path / ("ä" * 127)
    atomic_files.write_bytes(longest, NEW)
    assert longest.read_bytes() == NEW


def test_json_keeps_every_text_and_refuses_what_json_cannot_say(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    document = {"z": 1, "a": [0.1, 1e-300, 2**60, None, True], "größe": "µ", "name": "broken \udcff name", "": {}}
    atomic_files.write_json(path, document)
    assert json.loads(path.read_text()) == document
    assert list(json.loads(path.read_text())) == list(document)
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            atomic_files.write_json(path, {"a": number})
    assert json.loads(path.read_text()) == document


def test_numbers_go_on_after_the_highest(tmp_path: Path) -> None:
    assert atomic_files.numbered(tmp_path, "predictions", ".parquet").name == "predictions-001.parquet"
    for name in ("predictions-001.parquet", "predictions-007.parquet", "predictions-9.parquet", "predictions-012.csv", "other-050.parquet"):
        (tmp_path / name).touch()
    assert atomic_files.numbered(tmp_path, "predictions", ".parquet").name == "predictions-008.parquet"
    (tmp_path / "predictions-999.parquet").touch()
    assert atomic_files.numbered(tmp_path, "predictions", ".parquet").name == "predictions-1000.parquet"
    (tmp_path / "predictions-1000.parquet").touch()
    assert atomic_files.numbered(tmp_path, "predictions", ".parquet").name == "predictions-1001.parquet"
    with pytest.raises(StorageError):
        atomic_files.numbered(tmp_path / "no", "predictions", ".parquet")


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
@pytest.mark.parametrize("name", ["open", "fsync"])
def test_a_folder_that_cannot_be_written_is_found(tmp_path: Path, code: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (tmp_path, tmp_path / "not" / "yet"):
        atomic_files.require_writable(folder)
        with monkeypatch.context() as patch:
            fail_at(patch, (name,), 1, code)
            with pytest.raises(StorageError):
                atomic_files.require_writable(folder)
    assert os.listdir(tmp_path) == []


def test_a_file_in_the_place_of_a_folder_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StorageError):
            atomic_files.require_writable(folder)
        with pytest.raises(StorageError):
            atomic_files.make_folder(folder)


def test_a_folder_is_made_with_all_above_it_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    atomic_files.make_folder(tmp_path / "a" / "b" / "c")
    atomic_files.make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    fail_at(monkeypatch, ("mkdir",), 1, errno.EROFS)
    with pytest.raises(StorageError):
        atomic_files.make_folder(tmp_path / "d")


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_sync_folders_is_good_enough(tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_at(monkeypatch, ("fsync",), 2, code)
    atomic_files.write_bytes(tmp_path / "file.bin", NEW)
    assert (tmp_path / "file.bin").read_bytes() == NEW
    fail_at(monkeypatch, ("fsync",), 1, code)
    with pytest.raises(StorageError):
        atomic_files.write_bytes(tmp_path / "file.bin", OLD)
    assert (tmp_path / "file.bin").read_bytes() == NEW
