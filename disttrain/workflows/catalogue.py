"""What the program knows of its families: the list, and all about one; without torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from disttrain.config import suggestion
from disttrain.errors import Finding, UsageError
from disttrain.families import ACTIVATIONS, FAMILIES, Family, build, default_name, facts
from disttrain.families.on import Support

__all__ = ["Described", "described", "listing"]

# Kinds of target that `--support` knows.
_KINDS: dict[str, Callable[[Support], bool]] = {
    "real": lambda s: not s.integer and math.isinf(s.lower) and math.isinf(s.upper),
    "positive": lambda s: not s.integer and s.lower == 0 and math.isinf(s.upper),
    "unit": lambda s: not s.integer and s.lower == 0 and s.upper == 1,
    "count": lambda s: s.integer and math.isinf(s.upper),
    "class": lambda s: s.integer and math.isfinite(s.upper),
}


@dataclass(frozen=True)
class Described:
    """A family in lines for people and as a document for programs."""

    lines: tuple[str, ...]
    document: dict[str, Any]


def listing(support: str | None) -> list[dict[str, Any]]:
    """Every family, or those for one kind of target: name, support, parameters and their default activations. Raises UsageError."""
    if support is not None and support not in _KINDS:
        raise UsageError(
            Finding("unknown-choice", f"`{support}` is no kind of target", "--support", hints=(f"there are {', '.join(_KINDS)}",))
        )
    families = [_family(name) for name in FAMILIES]
    return [_row(family) for family in families if support is None or _KINDS[support](family.support)]


def described(name: str) -> Described:
    """All that is known of a family. Raises UsageError for a name that is none."""
    if name not in FAMILIES:
        near = suggestion(name, FAMILIES)
        hint = (f"did you mean `{near}`? " if near else "") + "`disttrain families` lists all"
        raise UsageError(Finding("unknown-choice", f"`{name}` is not a family", hints=(hint,)))
    family, known = _family(name), facts(name)
    kind = "classes" if _KINDS["class"](family.support) else "counts" if family.support.integer else "continuous"
    width = max(len(parameter.name) for parameter in family.parameters)
    lines = [f"{name}   {_support_text(family)}, {kind}", f"  {known.summary}", ""]
    lines.append(f"  {'parameter':<{max(width, 9)}}   support                 default activation")
    for parameter in family.parameters:
        activation = ACTIVATIONS[default_name(parameter)]
        where = _theta(parameter.support)
        lines.append(f"  {parameter.name:<{max(width, 9)}}   {where:<22}  {activation.name:<18} {activation.formula}")
    lines.append("")
    labels = {"loss": "loss per row", "scipy": "scipy.stats", "instead": "try instead"}
    lines += [f"  {labels.get(key, key):<13} {text}" for key, text in known.lines.items()]
    return Described(tuple(lines), {**_row(family), "summary": known.summary, **known.lines})


def _family(name: str) -> Family:
    return build(name, {"classes": 2})


def _support_text(family: Family) -> str:
    return "y is one of K classes" if any(parameter.shape for parameter in family.parameters) else family.support.text("y")


def _theta(support: Support) -> str:
    return "any real number" if support.text("θ").startswith("any") else support.text("θ").removeprefix("θ ")


def _row(family: Family) -> dict[str, Any]:
    return {
        "family": family.name,
        "support": _support_text(family),
        "parameters": [parameter.name for parameter in family.parameters],
        "activations": [default_name(parameter) for parameter in family.parameters],
    }
