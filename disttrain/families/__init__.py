"""The table of families, and the facts of their docstrings. Importing this package does not import torch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from disttrain.families import circle, classes, composed, counts, positive, real_line, unit_interval, vectors
from disttrain.families.activations.bounds import bounded
from disttrain.families.activations.table import ACTIVATIONS, Activation, activation_for, default_name, objection
from disttrain.families.composed import weighted_mixture
from disttrain.families.family import Family, Fixed, InvalidOption, Parameter, spelled
from disttrain.families.scaling import Scaling, exposed, takes_exposure

__all__ = [
    "ACTIVATIONS",
    "FACTS",
    "FAMILIES",
    "Activation",
    "FamilyDoc",
    "Family",
    "Fixed",
    "Parameter",
    "Scaling",
    "InvalidOption",
    "activation_for",
    "bounded",
    "build",
    "default_name",
    "exposed",
    "facts",
    "facts_of",
    "needs",
    "objection",
    "options",
    "spelled",
    "takes_exposure",
    "weighted_mixture",
]

# Every public function of these modules is a family.
_MODULES = (real_line, positive, unit_interval, circle, classes, counts, vectors, composed)
FAMILIES: dict[str, Callable[..., Family]] = {name: getattr(module, name) for module in _MODULES for name in module.__all__}


# Options that follow from the data, not from the config.
FACTS = ("classes", "targets", "trials")


@dataclass(frozen=True)
class FamilyDoc:
    """The docstring of a family, parsed: a summary and named lines (density, loss, symbols, mean, scipy, ...)."""

    summary: str
    lines: Mapping[str, str]

    def symbols(self) -> dict[str, str]:
        """The parameter that each symbol of the formulas stands for, as {symbol: parameter}."""
        return dict(pair.split(" = ") for pair in self.lines.get("symbols", "").split(", ") if pair)


def facts(name: str) -> FamilyDoc:
    """The parsed docstring of the family called `name`. Raises KeyError for a name that is not in the table."""
    summary, _, body = (inspect.getdoc(FAMILIES[name]) or "").partition("\n\n")
    rows = (line.split(None, 1) for line in body.splitlines())
    return FamilyDoc(" ".join(summary.split()), dict(rows))


def facts_of(family: Family) -> FamilyDoc:
    """The parsed docstring of a built family, with the formulas of its form.

    Of a family composed of another it also has the symbols and the density q of the inner family.
    """
    doc, distribution = facts(family.name.partition("(")[0]), family.distribution
    if not isinstance(distribution, composed.ComposedFactory):
        return _in_form(doc, family.form)
    inner = facts_of(distribution.of)
    names = [parameter.name for parameter in family.parameters]
    symbols = {symbol: name for symbol, name in {**inner.symbols(), **doc.symbols()}.items() if name in names}
    part = inner.lines["density"]
    lines = {
        **doc.lines,
        "density": f"{doc.lines['density']};   q: {part}",
        "loss": f"{doc.lines['loss']};   q: {part}",
        "symbols": ", ".join(f"{symbol} = {name}" for symbol, name in symbols.items()),
    }
    return FamilyDoc(doc.summary, lines)


def _in_form(doc: FamilyDoc, form: str) -> FamilyDoc:
    """The facts of one form of a family: lines marked `[form]` replace the plain lines of their name, lines of other forms are dropped."""
    usual = {key: text for key, text in doc.lines.items() if not key.endswith("]")}
    return FamilyDoc(doc.summary, {key: doc.lines.get(f"{key}[{form}]", text) for key, text in usual.items()})


def needs(name: str, arguments: Mapping[str, Any]) -> frozenset[str]:
    """The FACTS of the data that the family called `name` takes, itself or in its inner family `of`."""
    needed = frozenset(FACTS) & frozenset(options(name))
    inner = arguments.get("of")
    if isinstance(inner, str):
        return needed | needs(inner, {})
    return needed | needs(inner["family"], inner) if isinstance(inner, Mapping) else needed


def options(name: str) -> tuple[str, ...]:
    """The options that the family called `name` takes, such as `classes`. Raises KeyError for a name that is not in the table."""
    return tuple(inspect.signature(FAMILIES[name]).parameters)


def build(name: str, arguments: Mapping[str, Any]) -> Family:
    """The family called `name`, built from the facts and options (such as the number of classes) among `arguments` that it takes.

    The option `of` may be the name of a family, or a mapping with its name as `family` and its options; it gets the facts too.
    Raises KeyError for a name that is not in the table, InvalidOption where the family cannot be built of these options.
    """
    kwargs = {option: arguments[option] for option in options(name) if option in arguments}
    inner = kwargs.get("of")
    if inner is not None and not isinstance(inner, Family):
        inner = {"family": inner} if isinstance(inner, str) else inner
        facts_ = {key: value for key, value in arguments.items() if key in FACTS}
        kwargs["of"] = build(inner["family"], {**facts_, **inner})
    family = FAMILIES[name](**kwargs)
    for parameter in family.parameters:
        if isinstance(parameter.given, float) and not parameter.support.contains(parameter.given):
            what = f"`{parameter.name}: {parameter.given:g}` is not possible: {family.name} needs {parameter.support.text(parameter.name)}"
            raise InvalidOption(parameter.name, what, "")
    return family
