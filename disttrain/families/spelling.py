"""How a config spells a family that is made of another."""

from __future__ import annotations

__all__ = ["spelled"]


def spelled(name: str) -> str:
    """The name of a built family, such as `mixture(hurdle(gamma), 2)`, as YAML: {family: mixture, of: {...}, components: 2}.

    A name without brackets is spelled as it is.
    """
    outer, bracket, rest = name.partition("(")
    if not bracket:
        return name
    inner = rest.strip().removesuffix(")")
    of, comma, count = inner.rpartition(",")
    if comma and count.strip().isdigit():
        return f"{{family: {outer}, of: {spelled(of.strip())}, components: {count.strip()}}}"
    return f"{{family: {outer}, of: {spelled(inner.strip())}}}"
