"""Trees of plain values and tensors: it splits them into strict JSON and named tensors, and joins them again, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from disttrain import lazy
from disttrain.storage.safe_read import Json

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy.module("torch")


# A tree of plain values and tensors.
_Branch: TypeAlias = "Sequence[StateTree] | Mapping[str, StateTree] | Mapping[int, StateTree] | Mapping[str | int, StateTree]"
StateTree: TypeAlias = "bool | int | float | str | Tensor | _Branch | None"


def apart(tree: StateTree, tensors: dict[str, Tensor], at: str = "") -> Json:
    """The JSON form of `tree`; the tensors in it are added to `tensors`, each under its path in the tree.

    None, booleans, integers, text, finite numbers and lists are JSON already; every other value becomes an object with one key that names
    its type. Raises TypeError for a value of an unsupported type.
    """
    if tree is None or isinstance(tree, bool | int | str):
        return tree
    if isinstance(tree, float):
        return tree if math.isfinite(tree) else {"float": str(tree)}
    if isinstance(tree, torch.Tensor):
        tensors[at] = tree
        return {"tensor": at}
    if isinstance(tree, list | tuple):
        parts = [apart(part, tensors, f"{at}/{index}") for index, part in enumerate(tree)]
        return parts if isinstance(tree, list) else {"tuple": parts}
    if isinstance(tree, dict):
        return {"dict": [[_key(key), apart(part, tensors, f"{at}/{key}")] for key, part in tree.items()]}
    raise TypeError(f"{at}: {type(tree).__name__} cannot be stored")


def together(form: Json, tensors: Mapping[str, Tensor]) -> StateTree:
    """The tree of the JSON form `form`. Raises ValueError or KeyError if it is invalid."""
    if isinstance(form, list):
        return [together(part, tensors) for part in form]
    if not isinstance(form, dict):
        return form
    match form:
        case {"float": "inf" | "-inf" | "nan" as name} if len(form) == 1:
            return float(name)
        case {"tensor": str(name)} if len(form) == 1:
            return tensors[name]
        case {"tuple": list(parts)} if len(form) == 1:
            return tuple(together(part, tensors) for part in parts)
        case {"dict": list(pairs)} if len(form) == 1:
            return {_key(key): together(part, tensors) for key, part in pairs}
    raise ValueError(f"an object with the keys {list(form)[:5]} stands for nothing")


def _key(key: object) -> str | int:
    if isinstance(key, bool) or not isinstance(key, str | int):
        raise ValueError(f"{key!r} cannot be a key")
    return key
