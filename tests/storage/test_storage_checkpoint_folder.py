"""A checkpoint comes back bit for bit; one that was cut or changed is named, and the one before it is used."""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from disttrain.errors import OutputExists, RunUnreadable, StorageError
from disttrain.storage import checkpoint_folder, read_checkpoint, run_folder, write_checkpoint
from tests.storage.storage_cases import checkpoint_mark, fail_at, leftovers, save_checkpoint

TREE = {
    "numbers": [0, -1, 2**62, 0.1, 5e-324, 1.7976931348623157e308, -0.0, math.inf, -math.inf],
    "words": ["", "ü\n\u2028", None, True, False],
    "pair": (1, (2.5, [])),
    "by number": {0: {"step": torch.tensor(3.0)}, 7: {}, "7": "text"},
    "tensors": [
        torch.tensor([0.1, math.nan, math.inf, -0.0]),
        torch.empty(0, 3, dtype=torch.float64),
        torch.arange(6, dtype=torch.int64).reshape(2, 3).T,
        torch.tensor([True, False]),
        torch.Generator().manual_seed(3).get_state(),
        torch.randn(5, generator=torch.Generator().manual_seed(1)).bfloat16(),
    ],
}


def same(left: object, right: object) -> bool:
    """Whether two trees agree in every type and bit."""
    if type(left) is not type(right):
        return False
    if isinstance(left, torch.Tensor):
        assert isinstance(right, torch.Tensor)
        bits = [tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (left, right)]
        return left.dtype == right.dtype and left.shape == right.shape and torch.equal(*bits)
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return repr(left) == repr(right)


def test_a_state_comes_back_bit_for_bit(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "checkpoint", TREE)
    found = read_checkpoint(tmp_path / "checkpoint")
    assert found is not None
    assert found.passed_over == ()
    assert same(found.state, TREE)
    assert sorted(os.listdir(tmp_path / "checkpoint")) == ["0001.json", "0001.safetensors"]


@pytest.mark.parametrize("foreign", [{1, 2}, object(), {(1, 2): 3}, {1.5: 2}])
def test_what_is_no_plain_value_is_refused_before_anything_is_written(foreign: object, tmp_path: Path) -> None:
    with pytest.raises((TypeError, ValueError)):
        write_checkpoint(tmp_path / "checkpoint", {"state": foreign})
    assert not (tmp_path / "checkpoint").exists()


def test_two_are_kept_and_what_a_kill_left_goes(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path) is None
    for mark in range(4):
        save_checkpoint(tmp_path, float(mark))
        # The tensors of a checkpoint that was never named; the two that count must not make room for it.
        (tmp_path / f"{2 * mark + 2:04d}.safetensors").write_bytes(b"half")
    save_checkpoint(tmp_path, 9.0)
    # Each leftover takes a number, lest a file be written twice.
    assert sorted(os.listdir(tmp_path)) == ["0007.json", "0007.safetensors", "0009.json", "0009.safetensors"]
    assert checkpoint_mark(tmp_path) == 9.0


def flipped(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def longer(data: bytes, chance: random.Random) -> bytes:
    return data + bytes([chance.randrange(256)])


@pytest.mark.parametrize("damage", [flipped, cut, longer])
@pytest.mark.parametrize("kind", ["json", "safetensors"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(
    kind: str, damage: Callable[[bytes, random.Random], bytes], tmp_path: Path
) -> None:
    save_checkpoint(tmp_path, 1.0)
    save_checkpoint(tmp_path, 2.0)
    path, chance = tmp_path / f"0002.{kind}", random.Random(5)
    whole = path.read_bytes()
    for _ in range(40):
        path.write_bytes(damage(whole, chance))
        found = read_checkpoint(tmp_path)
        assert found is not None
        # White space says nothing: a blank that became another one, or was lost at the end, leaves the JSON as true as it was.
        if kind == "json" and found.state["mark"] == 2.0:
            assert json.loads(path.read_bytes()) == json.loads(whole)
            continue
        assert found.state["mark"] == 1.0
        assert len(found.passed_over) == 1
        assert "0002" in found.passed_over[0]


def test_without_a_whole_one_every_damage_is_named(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1.0)
    save_checkpoint(tmp_path, 2.0)
    (tmp_path / "0001.safetensors").unlink()
    (tmp_path / "0002.json").write_text("{}")
    with pytest.raises(RunUnreadable) as caught:
        read_checkpoint(tmp_path)
    assert [Path(finding.where).name for finding in caught.value.findings] == ["0002.json", "0001.safetensors"]


def test_another_format_and_a_pickle_are_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1.0)
    path = tmp_path / "0001.json"
    document = json.loads(path.read_text())
    for other in (document["format"] - 1, document["format"] + 1):
        path.write_text(json.dumps(document | {"format": other}))
        with pytest.raises(RunUnreadable, match=f"format {other}"):
            read_checkpoint(tmp_path)
    path.write_text(json.dumps(document))
    torch.save({}, tmp_path / "0001.safetensors")
    with pytest.raises(RunUnreadable, match="SHA-256"):
        read_checkpoint(tmp_path)


def test_a_disk_that_fails_at_any_step_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    for nth in range(1, 100):
        folder = tmp_path / str(nth)
        save_checkpoint(folder, 1.0)
        with pytest.MonkeyPatch.context() as patch:
            calls = fail_at(patch, ("open", "fsync", "replace", "unlink", "listdir"), nth)
            with suppress(StorageError):
                save_checkpoint(folder, 2.0)
        # A write that happened and could not be tidied up after is a checkpoint all the same.
        assert checkpoint_mark(folder) in (1.0, 2.0)
        save_checkpoint(folder, 3.0)
        assert checkpoint_mark(folder) == 3.0
        assert leftovers(folder) == []
        if len(calls) < nth:
            break
    assert nth > 15


def begun(root: Path, name: str = "a", status: str = "running", checkpoint: bool = False) -> Path:
    with run_folder.create(root, name) as run:
        if checkpoint:
            save_checkpoint(run.path / "checkpoint", 1.0)
        run.update(status=status, reason="because")
    return run.path


def test_a_run_that_goes_on_keeps_its_start_and_forgets_how_it_ended(tmp_path: Path) -> None:
    path = begun(tmp_path, status="stopped")
    before = run_folder.record(path)
    with run_folder.reopen(path) as run:
        # Until it says otherwise: what is refused after this leaves the record as it was.
        assert run_folder.record(path) == before
        run.update(command=["again"])
    now = run_folder.record(path)
    assert (now["status"], now["started"], now["name"]) == ("running", before["started"], "a-001")
    assert now["resumed"] > before["started"]
    assert not {"reason", "ended"} & now.keys()


def test_a_run_that_is_held_or_finished_or_none_does_not_go_on(tmp_path: Path) -> None:
    with run_folder.create(tmp_path, "a") as run, pytest.raises(OutputExists, match="another process"):
        run_folder.reopen(run.path)
    with pytest.raises(OutputExists, match="finished"):
        run_folder.reopen(begun(tmp_path, status="finished"))
    with pytest.raises(RunUnreadable):
        run_folder.reopen(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_the_newest_run_that_can_go_on_is_found(tmp_path: Path) -> None:
    with pytest.raises(RunUnreadable, match="stopped"):
        run_folder.newest_to_resume(tmp_path, "a")
    expected = [
        begun(tmp_path, status="running"),
        begun(tmp_path, status="stopped"),
        begun(tmp_path, status="failed"),
        begun(tmp_path, status="finished", checkpoint=True),
    ]
    for path in reversed(expected):
        begun(tmp_path, "a-b")
        begun(tmp_path, status="finished")
        assert run_folder.newest_to_resume(tmp_path, "a") == path
        with run_folder.reopen(path) as run:
            run.update(status="finished")
            checkpoint_folder.remove_checkpoints(path / "checkpoint")


@pytest.mark.parametrize("name", ["0002.json", "0002.safetensors", "0001.safetensors", "mine"])
def test_a_folder_in_the_place_of_a_checkpoint_is_in_nobodys_way(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "checkpoint"
    save_checkpoint(folder, 1.0)
    save_checkpoint(folder, 2.0)
    if (folder / name).exists():
        (folder / name).unlink()
    (folder / name).mkdir()
    (folder / name / "precious").write_text("kept")
    state = checkpoint_folder.read_checkpoint(folder)
    assert state is not None
    assert len(state.passed_over) == name.startswith("0002")
    assert all("is left where it is" in word for word in state.passed_over)
    for mark in (3.0, 4.0, 5.0):
        save_checkpoint(folder, mark)
        assert checkpoint_mark(folder) == mark
    pairs = [path.name for path in folder.iterdir() if path.is_file()]
    assert len(pairs) == 4
    checkpoint_folder.remove_checkpoints(folder)
    assert [path.name for path in folder.iterdir()] == [name]
    assert (folder / name / "precious").read_text() == "kept"
    assert not checkpoint_folder.has_checkpoint(folder)
