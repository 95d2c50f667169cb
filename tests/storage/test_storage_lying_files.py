"""Whatever stands in the place of a model: exit 5, one message that names the file, and no large allocation on the way."""

from __future__ import annotations

import json
import os
import pickle
import resource
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
import safetensors.torch
import torch

from disttrain.errors import RunUnreadable
from disttrain.storage import model_folder
from tests.storage.storage_cases import expected, mark_of, plant, save, seal, weights

MARK = 0.5


def good(folder: Path) -> bytes:
    return (folder / "weights.safetensors").read_bytes()


def rebuilt(data: bytes, change: Callable[[dict], object], tail: bytes | None = None) -> bytes:
    """The safetensors file `data` with its header changed; `change` may return the new header as text."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    text = change(header)
    raw = (text if isinstance(text, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(raw)) + raw + (data[8 + length :] if tail is None else tail)


def renamed(header: dict) -> None:
    header["trunk.1.weight"] = header.pop("trunk.0.weight")


def missing(header: dict) -> None:
    del header["head.bias"]


def swapped(header: dict) -> None:
    header["head.bias"]["data_offsets"], header["head.weight"]["data_offsets"] = [0, 8], [0, 48]


def hole(header: dict) -> None:
    for entry in header.values():
        if "data_offsets" in entry:
            entry["data_offsets"] = [end + 4 for end in entry["data_offsets"]]


def twice(header: dict) -> str:
    text = json.dumps(header)
    return text[:-1] + ', "head.bias": ' + json.dumps(header["head.bias"]) + "}"


def entry(**fields: object) -> Callable[[dict], None]:
    return lambda header: header["head.weight"].update(fields)


def valued(name: str, value: float) -> bytes:
    tensors = weights(MARK)
    tensors[name].view(-1)[-1] = value
    return safetensors.torch.save(tensors, metadata={"format": "pt"})


def zipped() -> bytes:
    torch.save(weights(MARK), buffer := BytesIO())
    return buffer.getvalue()


def plain_zip() -> bytes:
    with zipfile.ZipFile(buffer := BytesIO(), "w") as archive:
        archive.writestr("a", "b")
    return buffer.getvalue()


# Files that carry the right size and SHA-256 in model.json: an attacker made both.
FORGED: dict[str, Callable[[bytes], bytes]] = {
    "pickle": lambda _: pickle.dumps({"a": list(range(300))}),
    "torch.save": lambda _: zipped(),
    "zip": lambda _: plain_zip(),
    "empty": lambda _: b"",
    "seven bytes": lambda data: data[:7],
    "eight bytes": lambda data: data[:8],
    "header length 2**63": lambda data: struct.pack("<Q", 2**63) + data[8:],
    "header length 2**64 - 1": lambda data: b"\xff" * 8 + data[8:],
    "header length 0": lambda data: bytes(8) + data[8:],
    "header length of the file": lambda data: struct.pack("<Q", len(data)) + data[8:],
    "header of 200 MB": lambda data: struct.pack("<Q", 200 * 2**20) + b"{" + b" " * (200 * 2**20 - 1) + data[-128:],
    "truncated by one byte": lambda data: data[:-1],
    "one trailing byte": lambda data: data + b"\0",
    "many trailing bytes": lambda data: data + bytes(1000),
    "overlap": lambda data: rebuilt(data, swapped),
    "hole": lambda data: rebuilt(data, hole, tail=bytes(4) + data[-128:]),
    "duplicate key": lambda data: rebuilt(data, twice),
    "duplicate inner key": lambda data: rebuilt(data, lambda h: json.dumps(h).replace('"dtype"', '"dtype": "F64", "dtype"', 1)),
    "extra tensor": lambda data: rebuilt(data, lambda h: h.update(more={"dtype": "F32", "shape": [0], "data_offsets": [0, 0]})),
    "300,000 empty tensors": lambda data: rebuilt(
        data, lambda h: h.update({f"t{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(300_000)})
    ),
    "missing tensor": lambda data: rebuilt(data, missing),
    "renamed tensor": lambda data: rebuilt(data, renamed),
    "transposed tensor": lambda data: rebuilt(data, entry(shape=[6, 2])),
    "flattened tensor": lambda data: rebuilt(data, entry(shape=[12])),
    "integer instead of float": lambda data: rebuilt(data, entry(dtype="I32")),
    "unknown dtype": lambda data: rebuilt(data, entry(dtype="F4")),
    "dtype that is no text": lambda data: rebuilt(data, entry(dtype=["F32"])),
    "shape that is no list": lambda data: rebuilt(data, entry(shape=12)),
    "shape with true": lambda data: rebuilt(data, entry(shape=[2, 6, True])),
    "shape with a float": lambda data: rebuilt(data, entry(shape=[2.0, 6])),
    "shape of 10**18": lambda data: rebuilt(data, entry(shape=[10**18, 6])),
    "negative offset": lambda data: rebuilt(data, entry(data_offsets=[-48, 0])),
    "offset of 2**70": lambda data: rebuilt(data, entry(data_offsets=[2**70, 2**70 + 48])),
    "three offsets": lambda data: rebuilt(data, entry(data_offsets=[8, 56, 60])),
    "entry with a key too many": lambda data: rebuilt(data, entry(stride=1)),
    "entry that is no object": lambda data: rebuilt(data, lambda h: h.update({"head.bias": 1})),
    "header that is a list": lambda data: rebuilt(data, lambda _: "[1, 2, 3]"),
    "header with brackets": lambda data: rebuilt(data, lambda _: '{"a":' + "[" * 1500),
    "header that is no text": lambda data: struct.pack("<Q", 20) + b"{\xff\xfe" + bytes(17) + data[-128:],
    "header with NaN": lambda data: rebuilt(data, lambda h: json.dumps(h)[:-1] + ', "a": NaN}'),
    "NaN": lambda _: valued("trunk.0.weight", float("nan")),
    "infinity": lambda _: valued("head.bias", float("inf")),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_weights_file_is_refused(tmp_path: Path, case: str) -> None:
    save(tmp_path, MARK)
    plant(tmp_path, FORGED[case](good(tmp_path)))
    expect_refusal(tmp_path, "weights.safetensors")


def expect_refusal(folder: Path, name: str, limit: int = 4 * 2**20) -> RunUnreadable:
    """Demand the refusal of the model in `folder` by a message that names the file, with less than `limit` bytes allocated by Python."""
    tracemalloc.start()
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with pytest.raises(RunUnreadable) as caught:
            model_folder.load_weights(model_folder.read(folder), expected(weights(0.0)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.exit_code == 5
    assert all(finding.where == str(folder / name) for finding in caught.value.findings)
    assert peak < limit, f"{peak:,} bytes"
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident) * 1024 < 16 * limit
    assert len(caught.value.findings) <= 21
    assert all(len(finding.what) < 400 for finding in caught.value.findings)
    return caught.value


@pytest.mark.parametrize("position", [0, 1, 9, 40, -130, -1])
def test_one_flipped_bit_is_found(tmp_path: Path, position: int) -> None:
    save(tmp_path, MARK)
    data = bytearray(good(tmp_path))
    data[position] ^= 4
    (tmp_path / "weights.safetensors").write_bytes(data)
    assert "SHA-256" in str(expect_refusal(tmp_path, "weights.safetensors"))


def test_every_flipped_bit_of_the_description_is_found(tmp_path: Path) -> None:
    save(tmp_path, MARK)
    path = tmp_path / "model.json"
    data = path.read_bytes()
    for position in range(len(data)):
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        try:
            assert mark_of(tmp_path) == MARK, position
        except RunUnreadable:
            continue
        # Only white space may change without a word: it says nothing.
        assert data[position : position + 1].isspace(), position


PLACES: dict[str, Callable[[Path, Path], object]] = {
    "link": lambda path, aside: path.symlink_to(aside),
    "link to /dev/zero": lambda path, _: path.symlink_to("/dev/zero"),
    "dangling link": lambda path, _: path.symlink_to("/nowhere"),
    "link to itself": lambda path, _: path.symlink_to(path),
    "pipe": lambda path, _: os.mkfifo(path),
    "folder": lambda path, _: path.mkdir(),
    "nothing": lambda _path, _aside: None,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["weights.safetensors", "model.json"])
def test_only_a_plain_file_is_read(tmp_path: Path, place: str, name: str) -> None:
    save(tmp_path / "model", MARK)
    path = tmp_path / "model" / name
    path.rename(tmp_path / "aside")
    PLACES[place](path, tmp_path / "aside")
    missing_description = place == "nothing" and name == "model.json"
    expect_refusal(tmp_path / "model", "" if missing_description else name)


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/dev/zero").exists(), reason="only root can make a device")
def test_a_device_is_not_opened(tmp_path: Path) -> None:
    save(tmp_path, MARK)
    for name in ("weights.safetensors", "model.json"):
        (tmp_path / name).unlink()
        try:
            os.mknod(tmp_path / name, 0o20666, os.makedev(1, 5))
        except PermissionError:
            pytest.skip("this machine does not let root make devices")
        expect_refusal(tmp_path, name)


def test_a_pipe_under_the_waiting_name_does_not_block(tmp_path: Path) -> None:
    save(tmp_path, MARK)
    os.mkfifo(tmp_path / "weights.safetensors.new")
    expect_refusal(tmp_path, "weights.safetensors.new")


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for folder in (tmp_path / "file", tmp_path / "nothing", tmp_path):
        with pytest.raises(RunUnreadable):
            model_folder.read(folder)


def test_a_sparse_terabyte_is_neither_read_nor_hashed(tmp_path: Path) -> None:
    save(tmp_path, MARK)
    with (tmp_path / "weights.safetensors").open("r+b") as file:
        file.truncate(2**40)
    seal(tmp_path, files={"weights.safetensors": {"size": 2**40, "sha256": "0" * 64}})
    expect_refusal(tmp_path, "weights.safetensors")


def test_a_network_too_large_to_exist_is_not_allocated(tmp_path: Path) -> None:
    save(tmp_path, MARK)
    huge = {"trunk.0.weight": ((10**9, 10**9), torch.float32)}
    with pytest.raises(RunUnreadable):
        model_folder.load_weights(model_folder.read(tmp_path), huge)


def document(folder: Path) -> dict:
    return json.loads((folder / "model.json").read_bytes())


DESCRIPTIONS: dict[str, Callable[[dict], bytes]] = {
    "empty": lambda _: b"",
    "half": lambda d: json.dumps(d).encode()[:-40],
    "list": lambda _: b"[]",
    "trailing": lambda d: json.dumps(d).encode() + b"{}",
    "duplicate key": lambda d: b'{"mark": 7, ' + json.dumps(d).encode()[1:],
    "NaN": lambda d: json.dumps(d | {"x": float("nan")}).encode(),
    "infinity": lambda d: json.dumps(d | {"x": -float("inf")}).encode(),
    "1e400": lambda d: b'{"x": 1e400, ' + json.dumps(d).encode()[1:],
    "5,000 digits": lambda d: b'{"x": ' + b"9" * 5000 + b", " + json.dumps(d).encode()[1:],
    "brackets": lambda _: b"[" * 100_000,
    "objects": lambda _: b'{"a":' * 100_000,
    "UTF-16": lambda d: json.dumps(d).encode("utf-16"),
    "BOM": lambda d: b"\xef\xbb\xbf" + json.dumps(d).encode(),
    "NUL": lambda _: bytes(1000),
    "latin-1": lambda _: '{"ä": 1}'.encode("latin-1"),
    "pickle": lambda d: pickle.dumps(d),
    "no format": lambda d: json.dumps({key: value for key, value in d.items() if key != "format"}).encode(),
    "format as text": lambda d: json.dumps(d | {"format": "1"}).encode(),
    "format true": lambda d: json.dumps(d | {"format": True}).encode(),
    "format 0": lambda d: json.dumps(d | {"format": 0}).encode(),
    "changed value": lambda d: json.dumps(d | {"mark": 7}).encode(),
    "added key": lambda d: json.dumps(d | {"more": 7}).encode(),
    "no checksum": lambda d: json.dumps({key: value for key, value in d.items() if key != "sha256"}).encode(),
}


@pytest.mark.parametrize("case", DESCRIPTIONS)
def test_a_description_that_lies_is_refused(tmp_path: Path, case: str) -> None:
    save(tmp_path, MARK)
    (tmp_path / "model.json").write_bytes(DESCRIPTIONS[case](document(tmp_path)))
    expect_refusal(tmp_path, "model.json")


FILES = [
    None,
    {},
    [],
    {"weights.safetensors": {}},
    {"weights.safetensors": {"size": -1, "sha256": ""}},
    {"weights.safetensors": {"size": "1", "sha256": ""}},
    {"weights.safetensors": {"size": 1.0, "sha256": ""}},
    {"../weights.safetensors": {"size": 1, "sha256": ""}},
]


@pytest.mark.parametrize("files", FILES, ids=str)
def test_a_description_without_its_files_is_refused(tmp_path: Path, files: object) -> None:
    save(tmp_path, MARK)
    seal(tmp_path, files=files)
    expect_refusal(tmp_path, "model.json")


def test_a_newer_format_is_named_whatever_else_changed(tmp_path: Path) -> None:
    save(tmp_path, MARK)
    (tmp_path / "model.json").write_bytes(json.dumps({"format": 9, "all": "new"}).encode())
    error = expect_refusal(tmp_path, "model.json")
    assert error.findings[0].code == "newer-format"
    assert "9" in error.findings[0].what


@pytest.mark.parametrize("unit", [b"[],", b"{},", b"0,", b'"",'], ids=lambda unit: unit.decode())
def test_a_description_made_to_swell_is_not_parsed(tmp_path: Path, unit: bytes) -> None:
    save(tmp_path, MARK)
    data = b'{"a":[' + unit * (16 * 2**20 // len(unit) - 10) + b"0]}"
    (tmp_path / "model.json").write_bytes(data)
    expect_refusal(tmp_path, "model.json", limit=40 * 2**20)


def test_a_description_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    save(tmp_path, MARK)
    with (tmp_path / "model.json").open("r+b") as file:
        file.truncate(2**30)
    expect_refusal(tmp_path, "model.json")


def test_everything_that_differs_is_told_at_once(tmp_path: Path) -> None:
    save(tmp_path, MARK)
    data = rebuilt(good(tmp_path), lambda h: (renamed(h), h["head.weight"].update(shape=[6, 2]))[0])
    plant(tmp_path, data)
    whats = [finding.what for finding in expect_refusal(tmp_path, "weights.safetensors").findings]
    assert len(whats) == 3
    assert "F32 [6, 2]" in whats[0]
    assert "F32 [2, 6]" in whats[0]


def test_a_truth_value_that_is_neither_true_nor_false_is_refused(tmp_path: Path) -> None:
    tensors = {"mask": torch.tensor([True, False])}
    model_folder.save(tmp_path, {}, tensors)
    data = good(tmp_path)
    plant(tmp_path, data[:-1] + b"\x02")
    with pytest.raises(RunUnreadable):
        model_folder.load_weights(model_folder.read(tmp_path), expected(tensors))


def test_weights_laid_out_in_another_order_are_the_same_weights(tmp_path: Path) -> None:
    save(tmp_path, MARK)

    def laid(header: dict) -> None:
        header["trunk.0.weight"]["data_offsets"] = [0, 72]
        header["head.bias"]["data_offsets"] = [72, 80]
        header["head.weight"]["data_offsets"] = [80, 128]

    plant(tmp_path, rebuilt(good(tmp_path), laid))
    assert mark_of(tmp_path) == MARK


def test_no_pickle_runs(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    save(tmp_path, MARK)
    plant(tmp_path, pickle.dumps([Attack()] * 10))
    expect_refusal(tmp_path, "weights.safetensors")
    assert not (tmp_path / "ran").exists()


def test_an_older_format_is_named_too(tmp_path: Path) -> None:
    save(tmp_path, MARK)
    (tmp_path / "model.json").write_bytes(json.dumps({"format": 1, "all": "old"}).encode())
    assert expect_refusal(tmp_path, "model.json").findings[0].code == "older-format"
