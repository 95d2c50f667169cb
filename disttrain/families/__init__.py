"""The table of families, and what is known of each. Importing this room does not import torch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from disttrain.families import circle, classes, composed, counts, positive, real_line, unit_interval, vectors
from disttrain.families.activations.bounds import bounded
from disttrain.families.activations.table import ACTIVATIONS, Activation, activation_for, default_name, objection
from disttrain.families.composed import equal_mixture
from disttrain.families.family import Family, InvalidOption, Parameter, spelled
from disttrain.families.scaling import Scaling, exposed, takes_exposure

__all__ = [
    "ACTIVATIONS",
    "FACTS",
    "FAMILIES",
    "Activation",
    "FamilyDoc",
    "Family",
    "Parameter",
    "Scaling",
    "InvalidOption",
    "activation_for",
    "bounded",
    "build",
    "default_name",
    "equal_mixture",
    "exposed",
    "facts",
    "facts_of",
    "needs",
    "objection",
    "options",
    "spelled",
    "takes_exposure",
]

# Every public function of these rooms is a family.
_ROOMS = (real_line, positive, unit_interval, circle, classes, counts, vectors, composed)
FAMILIES: dict[str, Callable[..., Family]] = {name: getattr(room, name) for room in _ROOMS for name in room.__all__}


# Options that the data say, not the config.
FACTS = ("classes", "targets", "trials")


@dataclass(frozen=True)
class FamilyDoc:
    """What a family's docstring says of it: a summary and named lines (density, loss, symbols, mean, scipy, ...)."""

    summary: str
    lines: Mapping[str, str]

    def symbols(self) -> dict[str, str]:
        """The parameter that each symbol of the formulas stands for, as {symbol: parameter}."""
        return dict(pair.split(" = ") for pair in self.lines.get("symbols", "").split(", ") if pair)


def facts(name: str) -> FamilyDoc:
    """What is known of the family called `name`. Raises KeyError for a name that is not in the table."""
    summary, _, body = (inspect.getdoc(FAMILIES[name]) or "").partition("\n\n")
    rows = (line.split(None, 1) for line in body.splitlines())
    return FamilyDoc(" ".join(summary.split()), dict(rows))


def facts_of(family: Family) -> FamilyDoc:
    """What is known of a family that is built: as `facts`, with the formulas of its form in the place of the usual ones, and for one made
    of another the symbols and the density q of that one too."""
    known, made = facts(family.name.partition("(")[0]), family.distribution
    if not isinstance(made, composed.ComposedFactory):
        return _in_form(known, family.form)
    inner = facts_of(made.of)
    names = [parameter.name for parameter in family.parameters]
    symbols = {symbol: name for symbol, name in {**inner.symbols(), **known.symbols()}.items() if name in names}
    part = inner.lines["density"]
    lines = {
        **known.lines,
        "density": f"{known.lines['density']};   q: {part}",
        "loss": f"{known.lines['loss']};   q: {part}",
        "symbols": ", ".join(f"{symbol} = {name}" for symbol, name in symbols.items()),
    }
    return FamilyDoc(known.summary, lines)


def _in_form(known: FamilyDoc, form: str) -> FamilyDoc:
    """The facts of one form of a family: those marked `[form]` stand for the others of their name, those of other forms are left out."""
    usual = {key: text for key, text in known.lines.items() if not key.endswith("]")}
    return FamilyDoc(known.summary, {key: known.lines.get(f"{key}[{form}]", text) for key, text in usual.items()})


def needs(name: str, given: Mapping[str, Any]) -> frozenset[str]:
    """Which FACTS of the data the family called `name` takes, itself or in what it is made `of`."""
    own = frozenset(FACTS) & frozenset(options(name))
    inner = given.get("of")
    if isinstance(inner, str):
        return own | needs(inner, {})
    return own | needs(inner["family"], inner) if isinstance(inner, Mapping) else own


def options(name: str) -> tuple[str, ...]:
    """The options that the family called `name` takes, such as `classes`. Raises KeyError for a name that is not in the table."""
    return tuple(inspect.signature(FAMILIES[name]).parameters)


def build(name: str, given: Mapping[str, Any]) -> Family:
    """The family called `name`, built from those of the `given` facts and options (such as the number of classes) that it takes.

    The option `of` may be the name of a family, or a mapping with its name as `family` beside its own options; facts reach it too.
    Raises KeyError for a name that is not in the table, InvalidOption where the family cannot be built of these options.
    """
    taken = {option: given[option] for option in options(name) if option in given}
    inner = taken.get("of")
    if inner is not None and not isinstance(inner, Family):
        inner = {"family": inner} if isinstance(inner, str) else inner
        facts_ = {key: value for key, value in given.items() if key in FACTS}
        taken["of"] = build(inner["family"], {**facts_, **inner})
    family = FAMILIES[name](**taken)
    for parameter in family.parameters:
        if isinstance(parameter.given, float) and not parameter.support.contains(parameter.given):
            what = f"`{parameter.name}: {parameter.given:g}` is not possible: {family.name} needs {parameter.support.text(parameter.name)}"
            raise InvalidOption(parameter.name, what, "")
    return family
