"""A model is saved and replaced as one; a reader has the old one or the new one, and the same weights are the same bytes."""

from __future__ import annotations

import contextlib
import errno
import gc
import itertools
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from disttrain.errors import DisttrainError, FitFailed, RunUnreadable, StorageError
from disttrain.storage import model_folder
from tests.storage.storage_cases import expected, fail_at, leftovers, mark_of, save, weights

DTYPES = [
    torch.float64,
    torch.float32,
    torch.bfloat16,
    torch.float16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
]


def mixed() -> dict[str, torch.Tensor]:
    """One tensor of each dtype, of sizes that put the later ones at odd addresses, and shapes at the edges."""
    generator = torch.Generator().manual_seed(1)
    tensors = {f"w{n}": (torch.randn(n + 1, 3, generator=generator) * 3).abs().to(dtype) for n, dtype in enumerate(DTYPES)}
    return tensors | {"scalar": torch.tensor(7), "empty": torch.empty(0, 4), "größe.`x`": torch.ones(1), "transposed": torch.ones(2, 3).T}


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    tensors, description = mixed(), {"family": "gamma", "list": [1, 2.5, None, True], "größe": {"b": 1e-300, "a": 2**60}}
    model_folder.save(tmp_path / "runs" / "model", description, tensors)
    stored = model_folder.read(tmp_path / "runs" / "model")
    found = model_folder.load_weights(stored, expected(tensors))
    assert stored.description == description
    assert list(stored.description) == list(description)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)
        assert found[name].is_contiguous()
    assert sorted(os.listdir(stored.path)) == ["model.json", "weights.safetensors"]


def test_weights_can_be_loaded_twice_and_are_nobodys_else(tmp_path: Path) -> None:
    save(tmp_path, 1.0)
    stored = model_folder.read(tmp_path)
    first = model_folder.load_weights(stored, expected(weights(0.0)))
    first["head.bias"].zero_()
    assert mark_of(tmp_path) == 1.0
    assert bool((model_folder.load_weights(stored, expected(weights(0.0)))["head.bias"] == 1.0).all())


def test_other_programs_can_read_the_file_and_the_description(tmp_path: Path) -> None:
    tensors = mixed()
    model_folder.save(tmp_path, {"family": "gamma"}, tensors)
    found = safetensors.torch.load_file(tmp_path / "weights.safetensors")
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())
    document = json.loads((tmp_path / "model.json").read_text())
    assert document["format"] == model_folder.FORMAT
    assert document["family"] == "gamma"
    assert document["files"]["weights.safetensors"]["size"] == (tmp_path / "weights.safetensors").stat().st_size


def test_the_same_weights_are_the_same_bytes(tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in mixed().items() if tensor.dtype != torch.bfloat16}
    forms = {
        "torch": tensors,
        "reversed": dict(reversed(tensors.items())),
        "numpy": {name: tensor.numpy() for name, tensor in tensors.items()},
        "fortran": {name: np.array(tensor.numpy(), order="F") for name, tensor in tensors.items()},
        "big endian": {name: tensor.numpy().astype(tensor.numpy().dtype.newbyteorder(">")) for name, tensor in tensors.items()},
        "strided": {name: torch.stack([tensor, tensor], dim=-1)[..., 0] for name, tensor in tensors.items()},
        "gradients": {name: tensor.clone().requires_grad_(tensor.is_floating_point()) for name, tensor in tensors.items()},
    }
    for form, given in forms.items():
        model_folder.save(tmp_path / form, {"family": "gamma"}, given)
    for form, file in itertools.product(forms, ("weights.safetensors", "model.json")):
        assert (tmp_path / form / file).read_bytes() == (tmp_path / "torch" / file).read_bytes(), form


def test_tied_weights_are_saved_under_each_name(tmp_path: Path) -> None:
    tensor = torch.arange(6.0)
    model_folder.save(tmp_path, {}, {"a": tensor, "b": tensor, "part": tensor[2:]})
    found = safetensors.torch.load_file(tmp_path / "weights.safetensors")
    assert torch.equal(found["a"], found["b"])
    assert torch.equal(found["part"], tensor[2:])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_never_replace_good_ones(tmp_path: Path, bad: float) -> None:
    save(tmp_path, 1.0)
    lost = weights(2.0)
    lost["head.weight"][1, 2] = bad
    with pytest.raises(FitFailed, match=r"head\.weight"):
        model_folder.save(tmp_path, {"mark": 2.0}, lost)
    assert mark_of(tmp_path) == 1.0


@pytest.mark.parametrize(
    "description",
    [{"format": 2}, {"files": {}}, {"sha256": ""}, {"a": float("nan")}, {"deep": [float("inf")]}],
)
def test_a_description_that_could_not_be_read_again_never_replaces_a_good_one(tmp_path: Path, description: dict[str, object]) -> None:
    save(tmp_path, 1.0)
    with pytest.raises(ValueError):  # noqa: PT011 - the words are not for users
        model_folder.save(tmp_path, description, weights(2.0))
    assert mark_of(tmp_path) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("filling", [["x" * 100] * 200_000, [[]] * 1_100_000, {"1": 0, 1: 0}], ids=["bytes", "values", "twice"])
def test_a_description_too_large_to_read_is_refused_when_it_is_saved(tmp_path: Path, filling: object) -> None:
    save(tmp_path, 1.0)
    with pytest.raises(StorageError, match="read again"):
        model_folder.save(tmp_path, {"mark": 2.0, "filling": filling}, weights(2.0))
    assert mark_of(tmp_path) == 1.0


def test_keys_that_are_numbers_come_back_as_text(tmp_path: Path) -> None:
    model_folder.save(tmp_path, {"a": {2: "x", 10: "y"}, "b": (1, 2)}, weights(1.0))
    assert model_folder.read(tmp_path).description == {"a": {"2": "x", "10": "y"}, "b": [1, 2]}


def test_dtypes_without_a_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="dtype"):
        model_folder.save(tmp_path, {}, {"a": torch.ones(2, dtype=torch.complex64)})
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("before", [None, 1.0])
def test_a_fault_at_any_call_leaves_the_old_model_or_the_new_one(tmp_path: Path, code: int, before: float | None) -> None:
    for nth in range(1, 40):
        folder = tmp_path / f"{nth}" / "model"
        folder.parent.mkdir()
        if before is not None:
            save(folder, before)
        with pytest.MonkeyPatch.context() as patch:
            calls = fail_at(patch, ("fsync", "replace", "mkdir"), nth, code)
            raised = None
            try:
                save(folder, 2.0)
            except DisttrainError as error:
                raised = error
        if len(calls) < nth:
            assert raised is None
            assert mark_of(folder) == 2.0
            break
        assert isinstance(raised, StorageError)
        if (folder / "model.json").exists():
            assert mark_of(folder) in (before, 2.0)
        else:
            assert before is None
        save(folder, 3.0)
        assert mark_of(folder) == 3.0
        assert not leftovers(folder)
    else:
        pytest.fail("no number of calls was enough")
    assert nth > 8


def test_a_save_cut_off_after_its_moment_of_change_survives_a_second_one_cut_off_anywhere(tmp_path: Path) -> None:
    for nth in range(1, 40):
        folder = tmp_path / f"{nth}"
        save(folder, 1.0)
        cut_off_before_the_weights_moved(folder)
        with pytest.MonkeyPatch.context() as patch:
            calls = fail_at(patch, ("fsync", "replace"), nth)
            with contextlib.suppress(StorageError):
                save(folder, 3.0)
        assert mark_of(folder) in (2.0, 3.0)
        if len(calls) < nth:
            break
    assert nth > 8
    assert mark_of(folder) == 3.0
    assert not leftovers(folder)


def cut_off_before_the_weights_moved(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # The third rename is the last step of a save: waiting weights, model.json, weights.
        fail_at(patch, ("replace",), 3)
        with pytest.raises(StorageError):
            save(folder, 2.0)
    assert leftovers(folder) == ["weights.safetensors.new"]
    assert mark_of(folder) == 2.0


def test_waiting_weights_that_belong_to_no_model_are_written_over(tmp_path: Path) -> None:
    for text in (b"", b"half a file"):
        (tmp_path / "weights.safetensors.new").write_bytes(text)
        save(tmp_path, 1.0)
        assert mark_of(tmp_path) == 1.0
        (tmp_path / "weights.safetensors.new").write_bytes(text)
        assert mark_of(tmp_path) == 1.0
        save(tmp_path, 2.0)
        assert mark_of(tmp_path) == 2.0
        assert not leftovers(tmp_path)


@pytest.mark.slow
def test_readers_see_the_old_or_the_new_model_while_it_is_replaced(tmp_path: Path) -> None:
    save(tmp_path, 0.0)
    done, seen, errors = threading.Event(), set(), []

    def watch() -> None:
        try:
            last = 0.0
            while not done.is_set():
                mark = mark_of(tmp_path)
                assert mark >= last
                last = mark
                seen.add(mark)
        except BaseException as error:
            errors.append(error)

    watchers = [threading.Thread(target=watch) for _ in range(2)]
    [watcher.start() for watcher in watchers]
    for mark in range(1, 150):
        save(tmp_path, float(mark))
    done.set()
    [watcher.join() for watcher in watchers]
    assert errors == []
    assert len(seen) > 5


@pytest.mark.parametrize("step", ["write", "put in place"])
def test_a_reader_between_any_two_steps_sees_one_model(tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every system call of the reader is answered by a folder that was just replaced: the worst a busy writer can do."""
    save(tmp_path, 1.0)
    marks = itertools.count(2)
    name = "lstat" if step == "write" else "fstat"
    real = getattr(os, name)
    busy = [False]

    def disturbed(*args: object, **options: object) -> object:
        if not busy[0] and next(turns) % 5 == 0:
            busy[0] = True
            save(tmp_path, float(next(marks)))
            busy[0] = False
        return real(*args, **options)

    for offset in range(5):
        turns = itertools.count(offset)
        with monkeypatch.context() as patch:
            patch.setattr(os, name, disturbed)
            stored = model_folder.read(tmp_path)
            found = model_folder.load_weights(stored, expected(weights(0.0)))
        assert bool((found["head.bias"] == stored.description["mark"]).all())
    assert next(marks) > 5


def test_a_model_read_before_it_was_replaced_keeps_its_own_weights(tmp_path: Path) -> None:
    save(tmp_path, 1.0)
    stored = model_folder.read(tmp_path)
    for mark in (2.0, 3.0):
        save(tmp_path, mark)
    assert bool((model_folder.load_weights(stored, expected(weights(0.0)))["head.bias"] == 1.0).all())
    assert mark_of(tmp_path) == 3.0


def test_a_reader_of_a_folder_that_never_rests_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, 1.0)
    real, marks = model_folder._open, itertools.count(2)

    def opened(*paths: Path) -> tuple[int, ...]:
        save(tmp_path, float(next(marks)))
        return real(*paths)

    monkeypatch.setattr(model_folder, "_open", opened)
    with pytest.raises(RunUnreadable, match="again and again"):
        model_folder.read(tmp_path)


@pytest.mark.slow
def test_no_file_stays_open(tmp_path: Path) -> None:
    save(tmp_path, 1.0)
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for mark in range(20):
        save(tmp_path, float(mark))
        mark_of(tmp_path)
    (tmp_path / "model.json").write_text("{")
    for _ in range(20):
        with pytest.raises(RunUnreadable):
            model_folder.read(tmp_path)
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_the_room_is_imported_without_torch() -> None:
    program = (
        "import sys, disttrain.storage; print([name for name in ('torch', 'pandas', 'pyarrow', 'safetensors') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
