"""Tensors as safetensors bytes: equal weights give equal bytes, and a file is accepted only if its header accounts for every byte."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypedDict, TypeGuard

from disttrain import lazy
from disttrain.errors import Finding, FitFailed, RunUnreadable
from disttrain.messages import display
from disttrain.storage import safe_read
from disttrain.storage.safe_read import Json

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor
else:
    np = lazy.module("numpy")
    torch = lazy.module("torch")

# The shape and the dtype of each weight, the dtype torch's or its name.
Expected: TypeAlias = "Mapping[str, tuple[Sequence[int], torch.dtype | str]]"


class _Entry(TypedDict):
    """A tensor in the header of a safetensors file."""

    dtype: str
    shape: list[int]
    data_offsets: list[int]


# torch's name of a dtype -> its name in the file, bytes per number
_DTYPES = {
    "float64": ("F64", 8),
    "float32": ("F32", 4),
    "bfloat16": ("BF16", 2),
    "float16": ("F16", 2),
    "int64": ("I64", 8),
    "int32": ("I32", 4),
    "int16": ("I16", 2),
    "int8": ("I8", 1),
    "uint8": ("U8", 1),
    "bool": ("BOOL", 1),
}
# In which order safetensors lays numbers of one width.
_ORDER = ("int64", "float64", "float32", "int32", "bfloat16", "float16", "int16", "int8", "uint8", "bool")
_ARCHIVES = {b"PK": "a zip archive such as torch.save writes", b"\x80": "a pickle"}
_MOST_LISTED = 20
_PIECE = 1 << 20
_REFIT = "copy the model folder again from where it was made, or fit again"


def encode(weights: Mapping[str, Tensor | NDArray[np.generic]], *, finite: bool = True) -> bytearray:
    """The safetensors file of `weights`. It depends on names, shapes, dtypes and values only, not on their order.

    Raises FitFailed if `finite` is true and a weight is not finite, since such a file could not be read again. Raises ValueError for a
    dtype that safetensors lacks.
    """
    tensors = {name: _tensor(weights[name]) for name in sorted(weights)}
    if foreign := [name for name, tensor in tensors.items() if _plain(tensor.dtype) not in _DTYPES]:
        raise ValueError(f"the dtype of these weights cannot be saved: {foreign[:_MOST_LISTED]}")
    if lost := [name for name, tensor in tensors.items() if not _is_sound(tensor, finite)]:
        findings = (Finding("not-finite", f"the weights `{name}` are not finite; nothing was saved") for name in lost[:_MOST_LISTED])
        raise FitFailed(*findings)
    return _file_of(tensors)


def _file_of(tensors: Mapping[str, Tensor]) -> bytearray:
    """The bytes that the library safetensors writes, with one copy in memory instead of three: memory may be short during a save."""
    header: dict[str, _Entry] = {}
    # The widest numbers first, so that all of them are aligned.
    order, end = sorted(tensors, key=lambda name: (-tensors[name].element_size(), _ORDER.index(_plain(tensors[name].dtype)), name)), 0
    for name in order:
        tensor, first = tensors[name], end
        end += tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _DTYPES[_plain(tensor.dtype)][0], "shape": list(tensor.shape), "data_offsets": [first, end]}
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    data = bytearray(8 + len(text) + end)
    data[: 8 + len(text)] = len(text).to_bytes(8, "little") + text
    for name in (name for name in order if tensors[name].numel()):
        offset, count = 8 + len(text) + header[name]["data_offsets"][0], tensors[name].numel()
        torch.frombuffer(data, dtype=tensors[name].dtype, count=count, offset=offset).copy_(tensors[name].reshape(-1))
    return data


def check_size(size: int, expected: Expected, where: str) -> None:
    """Raise RunUnreadable unless a file of `size` bytes can hold the `expected` weights and a header of plausible length.

    It allocates no memory, so it rejects an absurd size or network safely.
    """
    needed = sum(_nbytes(shape, dtype) for shape, dtype in expected.values())
    if not 8 + 2 <= size - needed <= 8 + _header_limit(expected):
        raise safe_read.unreadable("wrong-weights", f"is {size:,} bytes long, but the network described needs {needed:,}", where, _REFIT)


def decode(data: bytearray, expected: Expected, where: str, *, finite: bool = True) -> dict[str, Tensor]:
    """The tensors in the safetensors file `data`, on the CPU, by name.

    `expected` gives the shape and dtype (torch's, or its name) of every weight; names, shapes and dtypes must equal it, the numbers must
    fill the file without gap or overlap, and every value must be finite unless `finite` is false. `where` names the file in messages.

    Raises RunUnreadable with everything that differs.
    """
    check_size(len(data), expected, where)
    header, start = _header(data, _header_limit(expected), where)
    if problems := list(_differences(header, expected)):
        raise _wrong(problems, where)
    entries = {name: entry for name, entry in header.items() if _is_entry(entry)}
    if problems := list(_misplaced(entries, expected, len(data) - start)):
        raise _wrong(problems, where)
    tensors = {name: _view(data, start + entries[name]["data_offsets"][0], *expected[name]) for name in sorted(expected)}
    if problems := [f"the weights `{display(name)}` are not finite" for name, tensor in tensors.items() if not _is_sound(tensor, finite)]:
        raise _wrong(problems, where)
    # Copies: the views may stand at odd addresses, and all of them would keep the whole file in memory.
    return {name: tensor.clone() for name, tensor in tensors.items()}


def _tensor(weight: Tensor | NDArray[np.generic]) -> Tensor:
    if isinstance(weight, torch.Tensor):
        return weight.detach().cpu().contiguous()
    return torch.from_numpy(np.array(weight, dtype=weight.dtype.newbyteorder("="), order="C"))


def _is_sound(tensor: Tensor, finite: bool) -> bool:
    if tensor.dtype == torch.bool:
        return bool((tensor.view(torch.uint8) <= 1).all())
    if not finite or not tensor.is_floating_point():
        return True
    # Piece by piece: what this makes on the way would be larger than the weights.
    return all(bool(part.isfinite().all()) for part in torch.split(tensor.reshape(-1), _PIECE))


def _header_limit(expected: Expected) -> int:
    # Six bytes are what JSON may need for one character; 400 more hold dtype, shape and offsets of any tensor.
    return 4096 + sum(400 + 6 * len(name) for name in expected)


def _header(data: bytearray, limit: int, where: str) -> tuple[dict[str, Json], int]:
    length = int.from_bytes(data[:8], "little")
    if length > min(limit, len(data) - 8) or data[8:9] != b"{":
        kind = next((f": it looks like {kind}, which is never opened" for mark, kind in _ARCHIVES.items() if data.startswith(mark)), "")
        raise safe_read.unreadable("wrong-weights", f"is not a safetensors file{kind}", where, _REFIT)
    header = safe_read.parse(data[8 : 8 + length], where)
    header.pop("__metadata__", None)
    return header, 8 + length


def _differences(header: Mapping[str, Json], expected: Expected) -> Iterator[str]:
    for name in sorted(header.keys() | expected.keys()):
        if name not in header:
            yield f"the weights `{display(name)}` are missing"
        elif name not in expected:
            yield f"the network described has no weights `{display(name)}`"
        elif not _is_entry(entry := header[name]):
            yield f"the entry of `{display(name)}` is malformed"
        elif (actual := _signature(entry)) != (required := (_DTYPES[_plain(expected[name][1])][0], list(expected[name][0]))):
            yield f"`{display(name)}` is {_spelled(actual)}, and the network described needs {_spelled(required)}"


def _misplaced(header: Mapping[str, _Entry], expected: Expected, length: int) -> Iterator[str]:
    end = 0
    for (first, last), name in sorted((tuple(entry["data_offsets"]), name) for name, entry in header.items()):
        if first != end or last - first != _nbytes(*expected[name]):
            yield f"`{display(name)}` stands at bytes {first:,} to {last:,}, which leaves a gap, overlaps or is not its size"
            return
        end = last
    if end != length:
        yield f"{length - end:,} bytes belong to no weights"


def _is_entry(entry: Json) -> TypeGuard[_Entry]:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"} or not isinstance(entry["dtype"], str):
        return False
    # type() rather than isinstance: `true` is no number here.
    numbers = all(isinstance(entry[key], list) and all(type(n) is int and n >= 0 for n in entry[key]) for key in ("shape", "data_offsets"))
    return numbers and len(entry["data_offsets"]) == 2


def _signature(entry: _Entry) -> tuple[str, list[int]]:
    return entry["dtype"], entry["shape"]


def _spelled(signature: tuple[str, list[int]]) -> str:
    dtype, shape = signature
    return f"{dtype[:20]} {shape[:8]}"[:120]


def _nbytes(shape: Sequence[int], dtype: torch.dtype | str) -> int:
    return math.prod(shape) * _DTYPES[_plain(dtype)][1]


def _plain(dtype: torch.dtype | str) -> str:
    return str(dtype).removeprefix("torch.")


def _view(data: bytearray, offset: int, shape: Sequence[int], dtype: torch.dtype | str) -> Tensor:
    named = {_plain(candidate): candidate for candidate in _torch_dtypes()}[_plain(dtype)]
    if not math.prod(shape):
        return torch.empty(tuple(shape), dtype=named)
    return torch.frombuffer(data, dtype=named, count=math.prod(shape), offset=offset).reshape(tuple(shape))


def _torch_dtypes() -> tuple[torch.dtype, ...]:
    floats = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
    return (*floats, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)


def _wrong(problems: Sequence[str], where: str) -> RunUnreadable:
    more = [f"... and {len(problems) - _MOST_LISTED} more"] if len(problems) > _MOST_LISTED else []
    return RunUnreadable(*(Finding("wrong-weights", what, where=where, hints=(_REFIT,)) for what in (*problems[:_MOST_LISTED], *more)))
