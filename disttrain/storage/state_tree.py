"""Trees of plain values and tensors, taken apart into strict JSON and a list of tensors, and put together again, every bit the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from disttrain import lazy

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy.module("torch")

__all__ = ["apart", "together"]


def apart(tree: Any, tensors: dict[str, Tensor], at: str = "") -> Any:
    """The JSON form of `tree`; the tensors in it go into `tensors`, each by its place in the tree.

    None, truth values, whole numbers, text and finite numbers stand for themselves and a list for a list; all else is an object with
    one key that says what it is. Raises TypeError for anything that is none of these.
    """
    if tree is None or isinstance(tree, bool | int | str):
        return tree
    if isinstance(tree, float):
        return tree if math.isfinite(tree) else {"float": str(tree)}
    if isinstance(tree, torch.Tensor):
        tensors[at] = tree
        return {"tensor": at}
    if isinstance(tree, list | tuple):
        parts = [apart(part, tensors, f"{at}/{place}") for place, part in enumerate(tree)]
        return parts if isinstance(tree, list) else {"tuple": parts}
    if isinstance(tree, dict):
        return {"dict": [[_key(key), apart(part, tensors, f"{at}/{key}")] for key, part in tree.items()]}
    raise TypeError(f"{at}: {type(tree).__name__} cannot be stored")


def together(form: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The tree whose JSON form is `form`. Raises ValueError or KeyError where it is not one."""
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


def _key(key: Any) -> str | int:
    if isinstance(key, bool) or not isinstance(key, str | int):
        raise ValueError(f"{key!r} cannot be a key")
    return key
