"""Windows lacks some names of `os` and whole modules: everything is imported and files are written and locked without them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from disttrain.errors import OutputExists, RunUnreadable
from disttrain.storage import atomic_files, locks, run_folder, safe_read, system_calls

# What others import is theirs to do without; they are loaded first, and then the names go.
PROGRAM = """
import os, pkgutil, importlib, signal, sys
import filelock, numpy, pandas, pyarrow.csv, pyarrow.parquet, pyarrow.feather, pyarrow.json, pydantic, rich.progress, rich.table
import safetensors.torch, scipy.special, scipy.optimize, scipy.stats, torch, torch.distributions, typer, typer.core, yaml
assert not any(name.startswith("disttrain") for name in sys.modules)
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None
for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK", "O_DIRECTORY", "sysconf", "fchmod", "preadv", "pread", "fork", "geteuid", "getuid",
             "sched_getaffinity", "mkfifo"):
    if name in vars(os):
        delattr(os, name)
for name in ("SIGPIPE", "SIGHUP", "SIGKILL", "SIGUSR1", "SIGALRM", "pthread_sigmask"):
    if name in vars(signal):
        delattr(signal, name)
import disttrain
for module in pkgutil.walk_packages(disttrain.__path__, "disttrain."):
    if module.name != "disttrain.__main__":
        importlib.import_module(module.name)
from pathlib import Path
from disttrain import storage
from disttrain.data.io.files import half_of_memory
from disttrain.errors import OutputExists
assert half_of_memory() > 1 << 40
folder = Path(sys.argv[1])
with storage.create_at(folder / "run") as run:
    storage.save(run.path / "model", {"a": 1}, {"w": torch.ones(3)})
    assert storage.load_weights(storage.read(run.path / "model"), {"w": ((3,), torch.float32)})["w"].sum() == 3
    storage.write_checkpoint(run.path / "checkpoint", {"w": torch.ones(3)})
    assert storage.read_checkpoint(run.path / "checkpoint").state["w"].sum() == 3
    try:
        storage.create_at(folder / "run", overwrite=True)
    except OutputExists:
        print("held")
    run.update(status="finished")
storage.create_at(folder / "run", overwrite=True).close()
print("free")
"""


@pytest.mark.slow
def test_every_module_is_imported_and_files_are_locked_without_what_windows_lacks(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "held\nfree\n"), done.stderr


def test_where_open_files_cannot_move_none_is_held_while_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of Windows, as far as it can be played here."""
    for room in (atomic_files, locks):
        monkeypatch.setattr(room, "HELD_FILES_MOVE", False)
    atomic_files.write_bytes(tmp_path / "file.bin", b"one")
    (tmp_path / f".file.bin.{'0' * 16}.part").write_bytes(b"left by the dead")
    atomic_files.write_bytes(tmp_path / "file.bin", b"two")
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]
    with run_folder.create_at(tmp_path / "run"), pytest.raises(OutputExists):
        run_folder.create_at(tmp_path / "run", overwrite=True)
    assert not (tmp_path / "run" / ".lock").exists()


def test_without_a_flag_against_links_a_link_is_still_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_read, "NO_LINK", 0)
    (tmp_path / "file.json").write_text("{}")
    assert safe_read.document(tmp_path / "file.json") == b"{}"
    (tmp_path / "link.json").symlink_to(tmp_path / "file.json")
    # Looked at as a file, opened as a link: what an attacker would have to win a race for.
    monkeypatch.setattr(safe_read.stat, "S_ISREG", lambda mode: True)
    with pytest.raises(RunUnreadable, match="link"):
        safe_read.document(tmp_path / "link.json")


def test_bytes_are_read_at_an_offset_without_the_call_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(system_calls.os, "preadv")
    (tmp_path / "file.bin").write_bytes(bytes(range(200)))
    fd = safe_read.open_regular(tmp_path / "file.bin")
    assert fd is not None
    for size in (0, 1, 150, 1000):
        assert safe_read.fill(fd, size) == bytes(range(200))[:size]
    system_calls.os.close(fd)
