"""The documentation of families: the list, and the details of one family. It does not load torch."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import TypedDict

from disttrain.config import Yaml, suggestion
from disttrain.config.messages import choice_hint
from disttrain.errors import Finding, UsageError
from disttrain.families import ACTIVATIONS, FACTS, FAMILIES, Family, build, default_name, facts, options
from disttrain.families.other_names import hint_to_family
from disttrain.families.supports import Support

KINDS = ("real", "positive", "unit", "count", "class", "vector")


class FamilyRow(TypedDict):
    """A family in the list of all: its name, support, parameters, and their activations."""

    family: str
    support: str
    parameters: list[str]
    activations: list[str]


@dataclass(frozen=True)
class Described:
    """A family in lines for people and as a document for programs."""

    lines: tuple[str, ...]
    document: dict[str, Yaml]


def listing(support: str | None) -> list[FamilyRow]:
    """Every family, or those for one kind of target: name, support, parameters and default activations. Raises UsageError."""
    if support is not None and support not in KINDS:
        raise UsageError(Finding("unknown-choice", f"`{support}` is no kind of target", "--support", hints=(choice_hint(support, KINDS),)))
    families = {name: _family(name) for name in FAMILIES}
    return [_row(name, family) for name, family in families.items() if support is None or kind_of(family) == support]


def described(name: str) -> Described:
    """The documentation of one family. Raises UsageError if the name is not a family."""
    if name not in FAMILIES:
        outer = name.partition("(")[0]
        closest = outer if outer in FAMILIES else suggestion(name, FAMILIES)
        hint = hint_to_family(name) or (f"did you mean `{closest}`? " if closest else "") + "`disttrain families` lists all"
        raise UsageError(Finding("unknown-choice", f"`{name}` is not a family", hints=(hint,)))
    family, doc = _family(name), facts(name)
    kind = {"class": "classes", "count": "counts", "vector": "vectors"}.get(kind_of(family), "continuous")
    if family.atoms:
        kind += f", with a probability at {' and '.join(f'{atom:g}' for atom in family.atoms)}"
    width = max(len(parameter.name) for parameter in family.parameters)
    span = max(22, *(len(_theta(parameter.support)) for parameter in family.parameters))
    lines = [f"{name}   {_support_text(name, family)}, {kind}", f"  {doc.summary}", ""]
    lines.append(f"  {'parameter':<{max(width, 9)}}   {'support':<{span}}  default activation")
    for parameter in family.parameters:
        where, activation = _theta(parameter.support), ACTIVATIONS[default_name(parameter)]
        how = f"{activation.name:<18} {activation.formula}" if parameter.given is None else f"set by an option, here {parameter.given:g}"
        lines.append(f"  {parameter.name:<{max(width, 9)}}   {where:<{span}}  {how}")
    lines.append("")
    if defaults := _options(name):
        lines.append(
            f"  {'options':<13} {', '.join(option if default is None else f'{option}: {default}' for option, default in defaults.items())}"
        )
    labels = {"loss": "loss per row", "scipy": "scipy.stats", "instead": "try instead", "also": "also called", "drops": "simplifies"}
    lines += [f"  {labels.get(key, key):<13} {text}" for key, text in doc.lines.items()]
    row = _row(name, family)
    document: dict[str, Yaml] = {
        "family": row["family"], "support": row["support"], "parameters": [*row["parameters"]], "activations": [*row["activations"]],
        "options": _options(name), "summary": doc.summary, **doc.lines,
    }  # fmt: skip
    return Described(tuple(lines), document)


def kind_of(family: Family) -> str:
    """The kind of target that a family is for, one of KINDS."""
    support = family.support
    if family.event:
        return "vector"
    if support.discrete:
        has_fixed_parameter = any(parameter.given is not None for parameter in family.parameters)
        return "class" if math.isfinite(support.upper) and not has_fixed_parameter else "count"
    return "unit" if math.isfinite(support.upper) else "positive" if math.isfinite(support.lower) else "real"


def _family(name: str) -> Family:
    return build(name, {"classes": 2, "targets": 2})


def _options(name: str) -> dict[str, Yaml]:
    """The options of a family with their defaults; None for an option without a default value or for an inner family."""
    return {option: declared.default for option, declared in inspect.signature(FAMILIES[name]).parameters.items() if option not in FACTS}


def _support_text(name: str, family: Family) -> str:
    return "y is one of K classes" if "classes" in options(name) else family.support.text("y")


def _theta(support: Support) -> str:
    return "any real number" if support.text("θ").startswith("any") else support.text("θ").removeprefix("θ ")


def _row(name: str, family: Family) -> FamilyRow:
    return {
        "family": name,
        "support": _support_text(name, family),
        "parameters": [parameter.name for parameter in family.parameters],
        "activations": ["given" if parameter.given is not None else default_name(parameter) for parameter in family.parameters],
    }
