"""Names of families elsewhere: in scipy.stats, in gamlss and in everyday words, from the docstrings of the families."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping

from disttrain.families import FAMILIES, facts

# `GA: mu = ...`, `ZIP, ZINBI: ...`, `OPO of gamlss.ordinal`, `MULTIN`; not `TF with nu = 1`, which is another family.
_GAMLSS = re.compile(r"((?:[A-Za-z]+\d*(?:, )?)+)(?::| of (?!gamlss\.dist)|$)")
_SCIPY = re.compile(r"([a-z_\d]+)\(")
# A mixture of gamlss with zeros, and the family here that makes one of another.
_WITH_ZEROS = {"ZA": "hurdle", "ZI": "zero_inflated"}


def hint_to_family(word: str) -> str | None:
    """A hint to the family with this name elsewhere; None for a word in no docstring."""
    if (elsewhere := spelled_here(word)) is None:
        return None
    spelling, source = elsewhere
    about = f"it is {source}; " if source else ""
    return f"did you mean `{spelling}`? {about}`disttrain families` lists all"


def spelled_here(word: str) -> tuple[str, str] | None:
    """The config's name of the family with this name elsewhere, and the source of that name; None for a word in no docstring.

    Several families are joined by ` or `, such as the gamma by its rate and the gamma by its mean.
    """
    plain = re.sub(r"^(scipy\.stats|gamlss\.dist|gamlss|torch\.distributions|tfp?\.distributions)\.", "", word)
    table = other_names()
    for name in (plain, plain.upper(), plain.lower()):
        if name in table:
            source, families = table[name]
            return "` or `".join(families), f"{name} of {source}" if source else ""
    squashed = {name.replace("_", ""): name for name in FAMILIES}
    if (match := squashed.get(re.sub(r"[_\s-]", "", plain).lower())) is not None:
        return match, ""
    return _with_zeros(plain.upper(), table)


def _with_zeros(word: str, table: dict[str, tuple[str, list[str]]]) -> tuple[str, str] | None:
    source, families = table.get(word[2:]) or table.get(f"{word[2:]}O") or ("", [])
    if word[:2] not in _WITH_ZEROS or source != "gamlss":
        return None
    return f"{{family: {_WITH_ZEROS[word[:2]]}, of: {families[0]}}}", f"{word} of gamlss"


@functools.cache
def other_names() -> dict[str, tuple[str, list[str]]]:
    """{name elsewhere: (scipy.stats, gamlss or nothing, the families here)}, from the docstrings."""
    names: dict[str, tuple[str, list[str]]] = {}
    for family in FAMILIES:
        for name, source in _names(facts(family).lines):
            if name not in FAMILIES:
                names.setdefault(name, (source, []))[1].append(family)
    return names


def _names(lines: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if (scipy := _SCIPY.match(lines.get("scipy", ""))) is not None:
        yield scipy[1], "scipy.stats"
    gamlss = lines.get("gamlss", "none")
    if not gamlss.startswith("none") and (match := _GAMLSS.match(gamlss)) is not None:
        # Those made of another family are told by their first two letters.
        yield from ((name, "gamlss") for name in match[1].split(", ") if name[:2] not in _WITH_ZEROS)
    yield from ((name.strip(), "") for name in lines.get("also", "").split(",") if name.strip())
