"""The options of `select`, and their checks, which do not load torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from disttrain.config import Yaml, suggestion
from disttrain.config.messages import escaped, shortened
from disttrain.errors import Finding, UsageError
from disttrain.families import FAMILIES, options
from disttrain.families.other_names import hint_to_family

AUTO = "auto"
_COMPOSED = re.compile(r"([a-z]\w*)\s*\((.*)\)")


@dataclass(frozen=True)
class SelectOptions:
    """The options of `select`. `families` are names as the program prints them, or AUTO alone; empty if only parameters are compared.

    `workers` is the number of trials side by side; None for the number of processor cores. Raises UsageError with every invalid option.
    """

    families: tuple[str, ...] = (AUTO,)
    parameters: bool = False
    folds: int = 5
    resume: bool = False
    out: Path | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        findings = list(_problems(self))
        if findings:
            raise UsageError(*findings)


def families_listed(texts: Iterable[str] | None, parameters: bool) -> tuple[str, ...]:
    """The families of every `a,b,c` of a repeated `--families`, each once; a comma inside brackets belongs to a name.

    Without the option all suitable families are compared, unless only `parameters` are. Raises UsageError for a list without any name.
    """
    if texts is None:
        return () if parameters else (AUTO,)
    names = [re.sub(r"\s*,\s*", ", ", part.strip()) for text in texts for part in re.split(r",(?![^(]*\))", text)]
    if not any(names):
        hints = ("`--families auto`, or names of families",)
        raise UsageError(Finding("bad-option", "there is no family to compare", "--families", hints=hints))
    return tuple(dict.fromkeys(name for name in names if name))


def distribution_named(name: str) -> dict[str, Yaml]:
    """The `distribution` block of a family as the program prints it: `gamma`, `hurdle(gamma)`, `mixture(normal, 3)`.

    Raises UsageError if that is not the name of a family.
    """
    composed = _COMPOSED.fullmatch(name)
    if composed is None:
        if name not in FAMILIES:
            raise UsageError(_unknown(name))
        return {"family": name}
    outer, inner = composed[1], composed[2].strip()
    of, comma, count = inner.rpartition(",")
    if outer not in FAMILIES or "of" not in options(outer):
        raise UsageError(_unknown(name if outer in FAMILIES else outer))
    if comma and count.strip().isdigit():
        if "components" not in options(outer):
            raise UsageError(_unknown(name))
        return {"family": outer, "of": distribution_named(of.strip()), "components": int(count)}
    return {"family": outer, "of": distribution_named(inner)}


def _problems(chosen: SelectOptions) -> Iterator[Finding]:
    if not chosen.families and not chosen.parameters:
        yield Finding("bad-option", "there is no family to compare", "--families", hints=("`--families auto`, or names of families",))
    for name in chosen.families if chosen.families != (AUTO,) else ():
        if name == AUTO:
            hints = ("`--families auto`, or the names alone",)
            yield Finding("bad-option", "`auto` stands for all suitable families and is not one of a list", "--families", hints=hints)
            continue
        try:
            distribution_named(name)
        except UsageError as fault:
            yield from fault.findings
    if not 2 <= chosen.folds <= 1_000:
        yield Finding("bad-option", f"`{chosen.folds}` is not a number of folds from 2 to 1,000", "--folds", hints=("such as `--folds 5`",))


def _unknown(name: str) -> Finding:
    closest = suggestion(name, (AUTO, *FAMILIES))
    hint = hint_to_family(name) or (f"did you mean `{closest}`? " if closest else "") + "`disttrain families` lists all"
    return Finding("unknown-choice", f"`{escaped(shortened(name))}` is not a family", "--families", hints=(hint,))
